"""`earshot doctor`: what is wrong, and what to do."""

import argparse
import json
import os
from dataclasses import asdict

from bot import inbox
from bot.adapters.adapter import Adapter, LookupFailed
from bot.adapters.lark import LarkAdapter, LarkStartFailed
from bot.adapters.slack import SlackAdapter, StartFailed
from bot.clock import SystemClock
from bot.config import EPHEMERAL, Config, secrets_from
from bot.config_file import problems_to_run
from bot.doctor import (
    Finding,
    examine_claude,
    examine_clip,
    examine_config,
    examine_images,
    examine_scopes,
    examine_store,
)
from bot.doctor_lark import examine_lark, examine_lark_settings
from bot.opening import config_of, lark_of, slack_of, store_of
from bot.terminal import err, out, say
from bot.web import Web


async def examine(arguments: argparse.Namespace) -> int:
    """Its exit code: 1 if anything is wrong."""
    config, secrets = config_of(arguments), secrets_from(os.environ)
    with store_of(config) as database:
        if arguments.retry:
            now = SystemClock().now()
            again = await database.run(lambda connection: inbox.retry_poison(connection, now))
            err.print(f"{again} events will be tried again")
        findings = [
            *examine_config(config, secrets),
            *examine_store(database),
            *examine_claude(database, config, SystemClock().now()),
        ]
    if config.slack.enabled and not problems_to_run(config, secrets) and not arguments.offline:
        web = Web(config.console.host, config.console.port)  # never opened: nothing is listened to
        findings += await _examine_slack(slack_of(config, secrets, web), config)
    if config.lark.enabled and not problems_to_run(config, secrets) and not arguments.offline:
        findings += await _examine_lark(lark_of(config, secrets), config)
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            mark = "[green]ok[/]" if finding.ok else "[red]problem[/]"
            out.print(f"{mark}  {finding.name}: ", end="", highlight=False)
            say(finding.text)
    return 0 if all(finding.ok for finding in findings) else 1


async def _examine_slack(slack: SlackAdapter, config: Config) -> list[Finding]:
    try:
        me = await slack.check()
    except StartFailed as error:
        return [Finding(name="slack", ok=False, text=str(error))]
    good = f"tokens and scopes are good; the bot is {me.user} in {me.team}"
    return [
        Finding(name="slack", ok=True, text=good),
        *examine_scopes(config, slack.granted),
        *examine_clip(config, slack.granted),
        *examine_images(config, slack.granted),
        *await _examine_drafts(slack, config, "drafts_to"),
    ]


async def _examine_lark(lark: LarkAdapter, config: Config) -> list[Finding]:
    try:
        joined = await lark.check()
        findings = []
        for me in joined:
            granted, subscribed = lark.granted(me.app), await lark.subscribed(me.app)
            lacks = [
                *examine_lark(me.app, granted, subscribed),
                *examine_lark_settings(config, me.app, granted),
            ]
            good = "App ID and secret are good" + ("" if lacks else "; nothing is missing")
            findings += [
                Finding(name="lark", ok=True, text=f"{me.app}: {good}; the bot is {me.name}"),
                *lacks,
            ]
        findings += await _examine_drafts(lark, config, "lark drafts_to")
    except (LarkStartFailed, LookupFailed) as error:
        return [Finding(name="lark", ok=False, text=str(error))]
    finally:
        await lark.close()
    return findings


async def _examine_drafts(adapter: Adapter, config: Config, finding: str) -> list[Finding]:
    """Whether every place for drafts that config.yaml names exists on a platform; ``finding``: what it is called."""
    given = {config.drafts_to, *(channel.drafts_to for channel in config.channels.values())}
    findings = []
    for name in sorted(str(place) for place in given - {None, EPHEMERAL}):
        try:
            place = await adapter.place(name)
        except LookupFailed as error:
            unknown = f"{name} could not be looked up: {error}"
            findings.append(Finding(name=finding, ok=False, text=unknown))
            continue
        if place is None:
            text = f"{name} is no channel that I see; create it, or invite me to it"
        else:
            text = f"{name} is {'shared with another company; name another' if place.external else 'there'}"
        good = place is not None and not place.external
        findings.append(Finding(name=finding, ok=good, text=text))
    return findings
