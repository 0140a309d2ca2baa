"""Commands and requests that do harm if somebody follows them because a bot quoted them. Pure."""

import base64
import binascii
import re
from collections.abc import Iterator, Set

from rapidfuzz.distance import OSA

from knowledge.credentials import words_of
from knowledge.links import WELL_KNOWN, links_in


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.MULTILINE)


_SHELL = (
    r"(?:sudo\s+(?:-\S+\s+)*)?(?:env\s+(?:\S+=\S+\s+)*)?(?:/(?:usr/)?bin/(?:env\s+)?)?(?:(?:ba|z|k|da|fi|c"
    r"|a)?sh|python[\d.]*(?!\s+-[mc])|perl|ruby|node|php|pwsh|powershell)\b"
)
_FETCH = r"(?:curl|wget|fetch|aria2c|iwr|irm|invoke-webrequest|invoke-restmethod|lynx|http|https|nc|ncat)"
_RUNS_FETCHED = _any(
    rf"\b{_FETCH}\b[^\n|]{{0,600}}\|(?:[^\n|]{{0,600}}\|){{0,4}}\s*{_SHELL}",
    rf"\b{_FETCH}\b[^\n|]{{0,600}}\|(?:[^\n|]{{0,600}}\|){{0,4}}\s*(?:iex|invoke-expression|source"
    rf"|xargs\s+(?:-\S+\s+)*(?:bash|sh|sudo))\b",
    rf"(?:\b(?:bash|sh|zsh|source|eval|python[\d.]*|perl|ruby|node|exec)"
    rf"|(?<=\s)\.)\s+(?:-\w+\s+)*[\"']?(?:<\(|\$\(|`)\s*(?:sudo\s+)?{_FETCH}\b",
    r"\b(?:curl|wget)\b[^\n]{0,600}?https?://[^\n]{0,600}?(?:&&|;"
    r"|\n)[\s$]*(?:sudo\s+)?(?:chmod\s+\S+\s+\S+\s*(?:&&|;|\n)[\s$]*(?:sudo\s+)?)?(?:(?:ba|z"
    r"|da)?sh\s+(?!-c)\S|\./\S|python[\d.]*\s+\S+\.py|dpkg\s+-i|rpm\s+-[iU])",
    r"\biex\b\s*[(\"'(]*\s*(?:\(|new-object|irm|iwr|\$|\[)|\binvoke-expression\b|\.download(?:string"
    r"|file)\s*\(|\bpowershell[^\n]{0,600}\s-e(?:nc|ncodedcommand|c)?\s+[A-Za-z0-9+/=]{16,}",
    r"\bcertutil\b[^\n]{0,600}-urlcache|\bmshta(?:\.exe)?\s+(?:https?|javascript|vbscript):"
    r"|\bregsvr32\b[^\n]{0,600}https?:|\bbitsadmin\b[^\n]{0,600}/transfer"
    r"|\brundll32\b[^\n]{0,600}(?:https?|javascript):",
    rf"\b(?:base64|openssl\s+(?:base64|enc))\s+[^\n|]{{0,600}}(?:-d|-D"
    rf"|--decode)\b[^\n|]{{0,600}}\|\s*{_SHELL}|\bxxd\s+-r[^\n|]{{0,600}}\|\s*{_SHELL}"
    rf"|\bfrombase64string\b",
    r"\b(?:exec|eval)\s*\(\s*(?:compile\()?\s*(?:base64|requests\.get|urllib|urlopen|__import__"
    r"|bytes\.fromhex|codecs\.decode|atob|zlib|marshal)",
    r"\b(?:exec|eval)\s*\([^\n]{0,80}(?:urlopen|requests\.get|b64decode|fromhex)|/dev/tcp/\S+|\bn(?:c|cat)\s+(?:-\w+\s+)*-e\s|\bbash\s+-i\s*>&|\bmkfifo\b[^\n]{0,600}\bnc\b",
    r"\bosascript\s+-e[^\n]{0,600}do shell script|\bcrontab\b[^\n]{0,600}(?:curl|wget)|(?:curl"
    r"|wget)[^\n]{0,600}(?:crontab|/etc/cron)",
    r"(?:win(?:dows)?\s*(?:key)?\s*\+\s*r|运行框|终端)[^\n]{0,80}(?:powershell|mshta|粘贴)",
)
_ROOTS = (
    r"(?:/(?:etc|usr|var|bin|boot|home|lib|lib64|opt|root|srv|sbin|dev|sys|data)?(?:/\*|/)?|~/?\*?"
    r"|\$\{?HOME\}?/?\*?|\.\./\.\.|\*)(?=[\s;&|\"'`)]|$)"
)
_DESTROYS = _any(
    rf"\brm\s+(?:-\S+\s+)*(?:-[a-z]*r[a-z]*|--recursive)\s+(?:-\S+\s+)*(?:--\s+)?[\"']?{_ROOTS}",
    r"--no-preserve-root",
    r"\bdd\s[^\n]{0,600}\bof=/dev/(?:sd|nvme|hd|vd|xvd|disk|mmc|mapper)",
    r"\bmkfs(?:\.\w+)?\s+[^\n]{0,600}/dev/\w|\bwipefs\s+-a|>\s*/dev/(?:sd|nvme|hd)\w"
    r"|\bshred\s+[^\n]{0,600}/dev/",
    r":\s*\(\)\s*\{\s*:\s*\|\s*:\s*&\s*\}\s*;\s*:",
    r"\bdrop\s+(?:database|schema)\s+(?!if exists test)[\w\"'`\[<$]|\bdropdb\b\s+\w|\bdb\.dropdatabase\(",
    r"\bformat\s+[c-z]:|\b(?:del"
    r""
    r"|erase)\s+/[sfq](?:\s+/[sfq])*\s+\S*[c-z]:\\|\brd\s+/s\s+/q\s+[c-z]:\\|\bremove-item\b[^\n]{0,600}-recurse[^\n]{0,600}\s[c-z]:\\(?:\s"
    r"|$|\*|windows|users)|\bvssadmin\s+delete",
    r"\bkubectl\s+delete\s+(?:(?:ns|namespaces?)\s+(?:kube-system|--all|default|prod\w*)|(?:all|pvc?"
    r"|nodes?)\s+--all\b)",
    r"\bfind\s+/(?:\s|etc|var|home|usr)[^\n]{0,600}-delete\b|\bshutil\.rmtree\(\s*[\"'](?:/|~)[\"']",
    r"\bchown\s+-R\s+\S+\s+/(?=\s|$)|\bhistory\s+-c\b|\baws\s+s3\s+(?:rb\s+\S+\s+--force"
    r"|rm\s+s3://[\w.-]+/?\s+--recursive)",
)
_PROTECTION = (
    r"(?:anti-?\s?virus|anti-?malware|fire\s?wall|(?:windows )?defender|se\s?linux|app\s?armor"
    r"|gatekeeper|2fa|mfa|two[- ]factor(?: auth\w*)?"
    r"|multi[- ]factor(?: auth\w*)?|endpoint protection|edr|crowdstrike|falcon sensor|smart\s?screen"
    r"|tamper protection"
    r"|(?:ssl|tls|https?|certificates?)[ /](?:cert\w* )?(?:check|verif|validat)\w*|signature (?:check"
    r"|verif|validat)\w*|host key check\w*"
    r"|secure boot|audit log\w*|branch protection|secret scanning|code signing)"
)
_LOWERS = _any(
    r"\bverify\s*=\s*False\b|\bNODE_TLS_REJECT_UNAUTHORIZED\W{1,4}0"
    r"|\brejectUnauthorized\W{1,3}\s*false|\bstrict-ssl[ =]+[\"']?false|sslVerify[ =]+[\"']?(?:false"
    r"|0)",
    r"\bGIT_SSL_NO_VERIFY|--no-check-certificate|\bcurl\b[^\n|]{0,600}\s(?:-[a-z]*k\b|--insecure\b)"
    r"|--trusted-host\b|\bInsecureSkipVerify\W{1,3}true|\bPYTHONHTTPSVERIFY\W{1,3}0"
    r"|_create_unverified_context",
    r"SSL_VERIFY(?:PEER|HOST)\W{1,4}(?:0|false)|--allow-unauthenticated|--force-yes\b"
    r"|--allow-untrusted|--no-?gpg-?check|\bgpgcheck\s*=\s*0|\[trusted=yes\]|--no-verify-ssl"
    r"|--insecure-skip-tls-verify|TrustServerCertificate\s*=\s*(?:true|yes)"
    r"|StrictHostKeyChecking[ =]+no|-SkipCertificateCheck|verify_ssl\W{1,4}\s*false",
    r"\bsetenforce\s+0|\bSELINUX\s*=\s*(?:disabled|permissive)|\bufw\s+(?:disable|reset)"
    r"|\bip6?tables\s+(?:-F|--flush|-P\s+INPUT\s+ACCEPT)|\bsystemctl\s+(?:stop|disable"
    r"|mask)\s+(?:--now\s+)?(?:firewalld|ufw|apparmor|auditd|falcon\S*|clam\S*|fail2ban|nftables"
    r"|iptables)|\bservice\s+(?:iptables|firewalld|ufw|apparmor)\s+stop",
    r"\bnetsh\s+adv?firewall\s+set\s+\w+\s+state\s+off|\bSet-MpPreference\b[^\n]{0,600}(?:Disable"
    r"|Exclusion)|\bAdd-MpPreference\b|\bspctl\s+--(?:master|global)-disable|\bcsrutil\s+disable"
    r"|\bSet-ExecutionPolicy\s+(?:-\S+\s+)*(?:Unrestricted|Bypass)"
    r"|\bxattr\s+-\w*[cr]\w*\s+[^\n]{0,600}(?:quarantine|\.app)|\bmitigations=off"
    r"|--disable-web-security",
    r"\bchmod\s+(?:-\S+\s+)*(?:0?[0-7]?777|a\+rwx|ugo\+rwx|[ugoa]*\+s"
    r"|[24]7[57][57])\s+(?:-\S+\s+)*[\"']?(?:/(?=\s|$|\*)|~/?(?=\s|$)|~/\.ssh|/(?:etc|usr|var|bin|lib"
    r"|opt|root|home|srv|dev|sbin|boot)\b)",
    r"\bNOPASSWD\b|>>?\s*/etc/(?:sudoers|passwd|shadow|hosts\.allow)|\btee\s+(?:-a\s+)?/etc/(?:sudoers"
    r"|passwd|shadow)\S*|\bauthorized_keys\b|\bssh-(?:rsa|ed25519)\s+AAAA|\b(?:usermod|gpasswd|adduser"
    r"|useradd)\b[^\n]{0,600}\b(?:sudo|wheel|root|admin)\b"
    r"|\bnet\s+localgroup\s+administrators\b[^\n]{0,600}/add|\bPermitRootLogin\s+yes"
    r"|\bPermitEmptyPasswords\s+yes|\bcluster-admin\b",
    r"\bdocker\s+run\b[^\n]{0,600}(?:-v\s+/:/|--pid[= ]host)|\bld_preload=|\bcore\.hooksPath\b",
    rf"(?<!not )(?<!n't )(?<!never )\b(?:turn(?:ing)? off|disabl(?:e|ing)|deactivat(?:e|ing)"
    rf"|switch(?:ing)? off|uninstall(?:ing)?|shut(?:ting)? (?:off|down)|kill(?:ing)?|bypass(?:ing)?"
    rf"|skip(?:ping)?|pause|pausing|remov(?:e|ing)) (?:the |your |any |all |its |windows |corporate "
    rf"|company |local )*{_PROTECTION}",
    rf"\b(?:turn|switch|take) (?:the |your |windows )*{_PROTECTION} off\b",
    r"(?<!不要)(?<!别)(?<!勿)(?<!不用)(?<!无需)(?:关闭|关掉|停用|禁用|卸载|关了|停掉|绕过|跳过)(?:一下"
    r"|掉|电脑上的|公司的|系统的|你的|所有)*(?:杀毒|防火墙|安全软件|防病毒|证书(?:校验|验证|检查)"
    r"|签名(?:校验|验证|检查)|双因素|二次验证|多因素|SELinux|Defender|360|安全卫士|审计)|(?:把"
    r"|将)[^。！？\n]{0,10}(?:杀毒软件?|防火墙|安全软件|证书(?:校验|验证)|双因素\w*"
    r"|SELinux)[^。！？\n]{0,6}(?:关|停|禁|卸)",
)
_SOURCE = _any(
    r"https?://[^\s`'\"<>]{1,300}?\.(?:sh|ps1|bat|exe|msi|run|pkg|dmg|scr|vbs|cmd)\b[^\n]{0,200}?"
    r"(?:\b(?:bash|sh|run|execute|start|install|launch|double-?click|open)\b|运行|执行|安装|双击|打开)",
    r"(?:--(?:extra-)?index-url|--find-links|-i|global\.(?:extra-)?index-url"
    r"|index-url)[ =]+[^\n]{0,600}https?://\S+",
    r"\b(?:npm|yarn|pnpm)\b[^\n]{0,600}\bregistry[ =]+[\"']?https?://\S+"
    r"|^[ \t]*registry\s*=\s*https?://\S+|--registry[ =]+https?://\S+",
    r"\b(?:apt-add-repository|add-apt-repository|apt-key\s+add|apt-key\s+adv|rpm\s+--import"
    r"|yum-config-manager|dnf\s+config-manager|zypper\s+ar|zypper\s+addrepo)\b[^\n]{0,600}",
    r"/etc/apt/(?:sources\.list|trusted\.gpg)\S*|\bdeb\s+(?:\[[^\]]*\]\s+)?https?://\S+[^\n]{0,600}",
    r"\bhelm\s+repo\s+add\s+\S+\s+https?://\S+|\bgem\s+sources?\s+(?:-a|--add)\s+\S+"
    r"|\bbrew\s+tap\s+\S+\s+https?://\S+|\bgo\s+env\s+-w\s+GOPROXY=\S+|\bconda\s+[^\n]{0,600}(?:-c"
    r"|--channel|channels)\s+https?://\S+",
    r"\b(?:pip[\d.]*|pipx|uv)\s+(?:pip\s+)?(?:install|run|tool install)\s[^\n]{0,600}https?://\S+"
    r"|\b(?:npm|yarn|pnpm)\s+(?:i|install|add)\s[^\n]{0,600}https?://\S+"
    r"|\bnpx\s[^\n]{0,600}https?://\S+|\bdocker\s+(?:pull"
    r"|run)\s[^\n]{0,600}?\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?/\S+",
)
_SECRET = (
    r"(?:pass\s?(?:words?|phrases?|codes?)|pwd|(?:access |api |auth |bot |session |personal |admin "
    r"|refresh )*(?:tokens?|keys?)(?! (?:id|name|length|type|value pair|error|limit|count))|secrets?"
    r"|private keys?|credentials?|cookies?"
    r"|seed phrases?|recovery (?:codes?|phrases?|keys?)|otp|one[- ]time (?:codes?|passwords?)|(?:2fa"
    r"|mfa|verification|sms|login|authenticator) codes?|log-?ins?(?: details| data)|\.env(?: file)?"
    r"|kube-?config|id_rsa|pin)"
)
_TO_ME = (
    r"(?:to (?:me|us|him|her|this|my|our|the (?:bot|helpdesk|help desk|thread|channel|chat|support"
    r"|security)|earshot|https?://|\S+@|the (?:form|page|link|site|address))|(?:in|into|at|on|via|over"
    r"|through) (?:a )?(?:dm|pm|direct message|private message|this (?:thread|channel|chat|form|page|link"
    r"|site)|the (?:thread|channel|chat)|here|https?://|(?:the |my |our )?(?:form|link|web ?form|survey"
    r"|google form))|here\b|by (?:dm|e?-?mail|pm))"
)
_NOT_WARNED = r"(?<!never )(?<!n't )(?<!not )(?<!n't ever )(?<!not ever )"
_ASKS = _any(
    rf"{_NOT_WARNED}\b(?:send|dm|pm|e?-?mail|post|share|forward|message|text|give|tell|slack|show|whisper"
    rf"|hand) (?:me|us|him|her|@?\w+|it|them|support|earshot)? ?(?:over )?(?:\w+ ){{0,2}}?(?:your|ur"
    rf"|the|their|an?|his|her) (?:[\w/'’-]+ ){{0,3}}?{_SECRET}\b(?=[^.!?\n]{{0,60}}(?:{_TO_ME}|so (?:i|we"
    rf"|the bot)|and (?:i|we)(?:'ll| will| can)))",
    rf"{_NOT_WARNED}\b(?:send|dm|pm|give|tell|message|text|whisper|forward|slack|mail|email) (?:me"
    rf"|us) (?:\w+ )?(?:your|ur|the|their|his) (?:[\w/'’-]+ ){{0,4}}?{_SECRET}\b",
    rf"{_NOT_WARNED}\b(?:paste|post|enter|type|put|submit|drop|upload|write|provide|reply with|copy|confirm"
    rf"|re-?enter|fill in) (?:in )?(?:your|ur|the"
    rf"|their) (?:[\w/'’-]+ ){{0,4}}?{_SECRET}\b[^.!?\n]{{0,40}}\b{_TO_ME}",
    r"\b(?:buy|purchase|send|scratch|get|redeem|pay (?:with|in|by))\b[^.!?\n]{0,40}\bgift ?cards?\b"
    r"|\bgift ?card codes?\b[^.!?\n]{0,30}\b(?:send|dm|me|us)\b",
    r"\b(?:send|transfer|pay|deposit|donate|wire)\b[^.!?\n]{0,50}\b(?:btc|bitcoins?|eth|ethereum|usdt"
    r"|crypto(?:currency)?|monero|xmr|wallet|western union|iban|bank account)\b|\b(?:wallet address"
    r"|seed phrase|recovery phrase)\b|\b(?:connect|link|import|validate|sync"
    r"|synchroni[sz]e) your (?:\w+ )?wallet\b|\b0x[0-9a-f]{40}\b|\bbc1[a-z0-9]{25,60}\b",
    r"(?:密码|口令|令牌|token|密钥|验证码|私钥|助记词|登录信息|凭证|cookie|api ?key|身份证"
    r"|银行卡)[^。！？\n]{0,12}(?:发给我|发我|发到|私信|告诉我|告诉客服|贴到|贴在|填到|填入|提交到"
    r"|发给客服|发给(?:机器人|管理员|他|她)|给我|输入到(?:这|下面|链接))",
    r"(?:发给我|告诉我|私信我|私聊我|发我|提供|把)[^。！？\n]{0,10}(?:密码|口令|令牌|密钥|验证码|私钥"
    r"|助记词|登录凭证|银行卡)(?:[^。！？\n]{0,10}(?:发|贴|给|告诉|私|填)|[。！，,\s]|$)",
    r"礼品卡|充值卡[^。！？\n]{0,10}(?:密|发|拍)|(?:转账|打款|汇款|付款|转)(?:到|给"
    r"|至)[^。！？\n]{0,16}(?:账户|账号|钱包|卡|微信|支付宝)|(?:比特币|USDT|泰达币|以太坊"
    r"|虚拟币)[^。！？\n]{0,12}(?:转|打|发|付|地址)|钱包地址",
)
_RISKY = _any(
    r"(?:^|[\s`$(;&|>])(?:sudo|curl|wget|bash|sh|chmod|chown|iwr|powershell|pwsh|msiexec|dpkg|rpm|ssh"
    r"|scp|nc|eval|crontab|reg|sc)\s+\S",
    r"\b(?:pip[\d.]*|pipx|npm|yarn|pnpm|gem|cargo|go|apt(?:-get)?|yum|dnf|brew|conda|choco|winget|snap"
    r"|helm|composer)\s+(?:-\S+\s+)*(?:i|install|add|get|run)\s+\S",
    r"\b(?:npx|docker\s+(?:run|pull|exec)|kubectl\s+(?:apply|delete|exec|create|patch)|git\s+clone"
    r"|rm\s+-)\s*\S",
)
_INSTALLS = re.compile(
    r"\b(?P<by>pip[\d.]*|pipx|poetry|uv|conda|mamba|npm|yarn|pnpm|npx|gem"
    r"|cargo)\s+(?:pip\s+)?(?:-\S+\s+)*(?:(?:install|i|add|exec)\s+)(?P<named>[^\n;&|`'\")]+)",
    re.IGNORECASE,
)
_PYTHON = words_of(
    "requests numpy pandas scipy matplotlib django flask fastapi pydantic sqlalchemy urllib3 setuptools "
    "wheel pytest boto3 botocore awscli pyyaml cryptography certifi idna jinja2 click colorama packaging "
    "pillow protobuf psycopg2 psycopg2-binary redis celery tensorflow torch torchvision transformers "
    "scikit-learn beautifulsoup4 selenium lxml aiohttp httpx uvicorn gunicorn python-dateutil "
    "python-dotenv virtualenv jupyter jupyterlab notebook ipython ipykernel dask distributed xarray "
    "netcdf4 zarr numba cython openpyxl pymongo paramiko ansible tqdm rich typer black mypy pylint ruff "
    "poetry pipenv opencv-python openai anthropic langchain streamlit keras plotly bokeh seaborn networkx "
    "sympy pyjwt bcrypt passlib pycryptodome slack-sdk slack-bolt loguru tenacity cachetools websockets "
    "pyarrow fsspec s3fs cartopy metpy intake-esm pyspark pyserial pyodbc mysqlclient pymysql"
)
_NODE = words_of(
    "react react-dom lodash express chalk commander axios moment webpack webpack-cli typescript eslint "
    "prettier jquery babel-cli vue angular next nuxt dotenv cross-env mongoose socket.io body-parser "
    "nodemon mocha jest chai sinon rxjs redux classnames uuid yargs glob rimraf mkdirp bluebird async "
    "underscore request node-sass gulp grunt bower electron puppeteer playwright ts-node tslib esbuild "
    "vite rollup tailwindcss bootstrap node-fetch node-gyp event-stream colors passport jsonwebtoken "
    "bcrypt sequelize discord.js @angular/cli"
)
_LATER = re.compile(r"\\\n\s*")
_BLOB = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/]{32,}={0,2}(?![\w+/=-])")
_IN_BLOB = re.compile(
    r"\b(?:curl|wget|bash|/bin/sh|powershell|iex|eval|exec|import os|subprocess|rm -|nc -|ignore"
    r"|answer|always|tell|instructions?)\b|https?://",
    re.IGNORECASE,
)


def _joined(text: str) -> str:
    """``text`` with commands that go on in the next line on one."""
    return _LATER.sub(" ", text)


def runs_the_unseen(text: str) -> bool:
    """Whether a command runs what it fetches or unpacks, so that nobody sees what is run."""
    return _RUNS_FETCHED.search(_joined(text)) is not None or any(map(_is_an_order, _unpacked(text)))


def _unpacked(text: str) -> Iterator[str]:
    """What base64 in ``text`` stands for, where that is text."""
    for blob in _BLOB.finditer(text):
        try:
            raw = base64.b64decode(blob[0] + "=" * (-len(blob[0]) % 4), validate=True)
        except binascii.Error:
            continue
        told = raw.replace(b"\0", b"").decode("utf-8", errors="replace")
        if (
            told
            and sum(letter.isprintable() or letter.isspace() for letter in told) == len(told)
            and "\ufffd" not in told
        ):
            yield told


def _is_an_order(unpacked: str) -> bool:
    return _IN_BLOB.search(unpacked) is not None


def destroys(text: str) -> bool:
    """Whether a command destroys a disk, a database or a system."""
    return _DESTROYS.search(_joined(text)) is not None


def lowers_protection(text: str, known: Set[str]) -> bool:
    """Whether it switches a check off, opens a system, or takes software from a place that is not ``known``."""
    joined = _joined(text)
    if _LOWERS.search(joined):
        return True
    return any(not _is_from(found[0], known) for found in _SOURCE.finditer(joined))


def _is_from(command: str, known: Set[str]) -> bool:
    """Whether all that ``command`` fetches comes from known places."""
    return (
        all(link.domain in known or link.domain in WELL_KNOWN for link in links_in(command))
        and "://" in command
    )


def asks_for_secrets(text: str) -> bool:
    """Whether it wants people's passwords, keys or money."""
    return _ASKS.search(text) is not None


def is_risky(text: str) -> bool:
    """Whether it holds a command that installs, fetches or changes something: not wrong, but worth a witness."""
    return _RISKY.search(_joined(text)) is not None


def misspells_package(text: str) -> bool:
    """Whether a package is installed whose name is nearly that of a well-known one."""
    return any(
        _is_nearly(name, _NODE if found["by"].lower() in ("npm", "yarn", "pnpm", "npx") else _PYTHON)
        for found in _INSTALLS.finditer(_joined(text))
        for name in _packages(found["named"])
    )


def _packages(named: str) -> Iterator[str]:
    """The packages of an install command; options, paths and addresses are none."""
    for word in named.split():
        name = re.split(r"[=<>~!\[,]|(?<=.)@", word)[0].lower()
        if not re.fullmatch(r"@?[\w.-]+(?:/[\w.-]+)?", name or word) or word.startswith((".", "/")):
            return  # the sentence goes on
        if not word.startswith("-"):
            yield name


def _is_nearly(name: str, names: Set[str]) -> bool:
    one = re.sub(r"[._]", "-", name)
    if len(one) < 5 or one in names or name in names:
        return False
    bare = one.replace("-", "")
    return any(
        len(other) >= 5 and (OSA.distance(one, other, score_cutoff=1) <= 1 or bare == other.replace("-", ""))
        for other in names
    )
