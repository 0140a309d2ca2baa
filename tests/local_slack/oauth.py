"""Installing the app: consent, codes, tokens that run out, refresh tokens that are good once."""

import base64
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .arguments import Refused
from .state import Identity

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """A token as it was given. ``refresh``: None where tokens do not run out."""

    identity: Identity
    scopes: tuple[str, ...]
    token: str
    refresh: str | None


class OAuth:
    """The app's credentials and what was granted. ``expires_in``: seconds a token is good for; None: for ever.

    Belongs to the server's event loop. Redirect URLs that are not listed are refused, as Slack does.
    """

    def __init__(self) -> None:
        self.client_id, self.client_secret = "1234.5678", "a client secret"
        self.redirect_urls: list[str] = []
        self.expires_in: int | None = None
        self.grants: list[Grant] = []
        self._codes: dict[str, tuple[Identity, tuple[str, ...], str | None]] = {}
        self._void: dict[str, str] = {}  # token -> error

    def agree(self, asked: str, identity: Identity) -> str:
        """Somebody of ``identity``'s workspace allows what the address ``asked`` for. Where the browser goes then."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(asked).query).items()}
        if query["client_id"] != self.client_id:
            raise ValueError(f"no app has the client_id {query['client_id']!r}")
        redirect = query.get("redirect_uri")
        if redirect is not None and redirect not in self.redirect_urls:
            raise ValueError(f"{redirect!r} is none of the redirect URLs")
        code = uuid.uuid4().hex
        self._codes[code] = (identity, tuple(query["scope"].split(",")), redirect)
        return f"{redirect or self.redirect_urls[0]}?code={code}&state={query.get('state', '')}"

    def access(self, args: Json, authorization: str) -> Json:
        """oauth.v2.access. Raises ``Refused``."""
        if _credentials(args, authorization) != (self.client_id, self.client_secret):
            raise Refused("bad_client_secret")
        if args.get("grant_type") == "refresh_token":
            return self._answer(self._refreshed(str(args.get("refresh_token"))))
        if "code" not in args:
            raise Refused("invalid_arguments", "neither a code nor a refresh_token")
        if args["code"] not in self._codes:
            raise Refused("invalid_code")
        identity, scopes, redirect = self._codes.pop(str(args["code"]))
        if args.get("redirect_uri") != redirect:
            raise Refused(
                "bad_redirect_uri", f"{args.get('redirect_uri')!r} where {redirect!r} was authorized"
            )
        return self._answer(self._granted(identity, scopes))

    def void(self, token: str, error: str) -> None:
        """The token is good no more: ``token_expired``, ``token_revoked``, ``account_inactive``."""
        self._void[token] = error

    def check(self, token: str) -> Grant | None:
        """Whose token it is; None if none was given so. Raises ``Refused``."""
        if token in self._void:
            raise Refused(self._void[token])
        return next((grant for grant in self.grants if grant.token == token), None)

    def _granted(self, identity: Identity, scopes: tuple[str, ...]) -> Grant:
        number, runs_out = len(self.grants) + 1, self.expires_in is not None
        grant = Grant(
            identity=identity,
            scopes=scopes,
            token=f"{'xoxe.xoxb' if runs_out else 'xoxb'}-{number}-{uuid.uuid4().hex}",
            refresh=f"xoxe-{number}-{uuid.uuid4().hex}" if runs_out else None,
        )
        self.grants.append(grant)
        return grant

    def _refreshed(self, refresh: str) -> Grant:
        spent = next((grant for grant in self.grants if grant.refresh == refresh), None)
        if spent is None or f"used {refresh}" in self._void:
            raise Refused("invalid_refresh_token")
        self._void[f"used {refresh}"] = "invalid_refresh_token"
        return self._granted(spent.identity, spent.scopes)

    def _answer(self, grant: Grant) -> Json:
        identity = grant.identity
        team = None if identity.org_wide else {"id": identity.team, "name": identity.team_name}
        org = None if identity.enterprise is None else {"id": identity.enterprise, "name": "Example Org"}
        turning = (
            {} if grant.refresh is None else {"refresh_token": grant.refresh, "expires_in": self.expires_in}
        )
        return {
            "ok": True,
            "app_id": identity.app,
            "authed_user": {"id": "U0INSTALL1"},
            "scope": ",".join(grant.scopes),
            "token_type": "bot",
            "access_token": grant.token,
            "bot_user_id": identity.bot_user,
            "team": team,
            "enterprise": org,
            "is_enterprise_install": identity.org_wide,
            **turning,
        }


def _credentials(args: Json, authorization: str) -> tuple[str, str]:
    kind, _, encoded = authorization.partition(" ")
    if kind == "Basic":
        id, _, secret = base64.b64decode(encoded).decode().partition(":")
        return id, secret
    return str(args.get("client_id")), str(args.get("client_secret"))
