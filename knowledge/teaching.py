"""Words by which somebody tries to teach the bot, or its readers, what to say. English and Chinese. Pure.

A person who explains does not speak like this; a person who says it in earnest can wait for an admin.
"""

import re


def _cue(*alternatives: str) -> re.Pattern[str]:
    pattern = "|".join(alternatives).replace(" ?", r"\s*").replace(" ", r"[\s,]+")
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)


_BOT = (
    r"(?:earshot|(?:the |this |dear |hey |our )?(?:support |help |slack )?(?:bot|chat ?bot|assistant"
    r"|language model|llm|ai model|ai assistant|ai agent))"
)
_ANYONE = (
    r"(?:any(?:one|body)|some(?:one|body)|people|users?|customers?|a user|a customer|the user"
    r"|the customer|clients?"
    r"|they|others|colleagues?|folks|every(?:one|body)|newcomers?|who ?ever|teammates?|an? (?:employee"
    r"|engineer|admin))"
)
_TELL = (
    r"(?:tell|answer|reply|respond|recommend|suggest|advise|instruct|direct|point|refer|quote|repeat"
    r"|say|state|give|send"
    r"|share|cite|offer|paste|post|link)"
)
_FIX = (
    r"(?:fix|answer|solution|procedure|workaround|method|way|response|guidance|link|source|installer"
    r"|command|remedy|step|process)"
)
_CUES = _cue(
    # answers that are ordered for the future
    rf"\b(?:from now on|from today(?: on)?|going forward|from this point(?: on)?|in (?:the )?future"
    rf"|henceforth|from here on)\b[^.!?\n]{{0,60}}\b{_TELL}\b (?:that |to |with |\w+ to )?(?:{_ANYONE}"
    rf"|all|them|with|this|that|:)",
    rf"\b{_TELL} (?:{_ANYONE}|all|them)\b[^.!?\n]{{0,80}}\b(?:from now on|going forward"
    rf"|in (?:the )?future|henceforth|every time|whenever (?:they|some|any))",
    rf"(?:^|[.!?:;]|\bplease\b|\byou (?:must|should|shall|need to|have to)\b|\band\b"
    rf"|\bthen\b) ?(?:please )?(?:always|only|just|ever(?: after)?) (?:tell|answer|reply|respond"
    rf"|recommend|suggest|advise|instruct|quote|cite|refer)\b (?:{_ANYONE}|all|them|with|that|this"
    rf"|to (?:use|run|this|that|such|any|question)|questions?|the same|:|[\"“'`])",
    rf"\b(?:when(?:ever)?|if|every ?time|next time|should|in case|any ?time"
    rf"|once) {_ANYONE} (?:\w+ )?(?:asks?|asking|wants? to know|mentions?|reports?|complains?|hits?|has"
    rf"|have|sees?|gets?|runs? into)\b[^.!?\n]{{0,100}}\b{_TELL}\b(?: ?[:\"“'`]| (?:them|him|her|it"
    rf"|that|this|with|only|to|back|out|[\"“'`]))",
    r"(?:^|[.!?,:;]|\bplease\b) ?(?:please |just |then |so |and |also )*(?:tell|instruct|advise|remind"
    r"|inform|teach) (?:every ?(?:one|body)|all (?:the )?(?:users|customers|people|members|staff)"
    r"|any(?:one|body) (?:who|that|with|asking)|who ?ever|every (?:user|customer|person)"
    r"|people who ask|users who ask|customers who ask)\b",
    r"\b(?:the |an? )?(?:only |single |one )?(?:right|correct|official|approved|canonical"
    r"|authoritative|accepted|verified) (?:reply|answer|response) to (?:this|that|any|every|all|such"
    r"|questions?|the question)\b[^.!?\n]{0,60}\bis\b",
    # things to keep in mind for ever
    rf"\b(?:remember|memori[sz]e|take note|note|for the record|for future reference|learn|keep in mind"
    rf"|know)\b(?: ?[:,–—-] ?| (?:this|that|well|it|forever|for (?:ever|next time"
    rf"|the future))\W{{0,3}})[^.!?\n]{{0,50}}\b(?:the )?(?:only |one )?(?:official|approved|correct"
    rf"|authori[sz]ed|canonical|verified|company|recommended|standard|right|real|true|mandatory"
    rf"|accepted) (?:\w+ ){{0,3}}{_FIX}\b",
    r"\b(?:remember|memori[sz]e|learn|store|save|record|log|keep|add|write|commit|put) (?:this|that|it"
    r"|the (?:above|following|below))\b[^.!?\n]{0,40}\b(?:in|into|to|as) (?:your|the bot's|its"
    r"|earshot's|long[-\s]term) ?(?:\w+ )?(?:knowledge|memory|memories|brain|index|database|answers?"
    r"|facts?|context|training|rules?)\b",
    r"\b(?:update|replace|overwrite|change|correct|extend|purge|wipe|forget|erase|delete|drop) (?:all "
    r"|everything in |any )?your (?:\w+ )?(?:knowledge(?: ?base)?|memory|answers?|training|rules"
    r"|instructions|facts)\b",
    r"(?:^|[.!?:;]|\bplease\b) ?(?:please |now )?(?:memori[sz]e|learn) (?:this|the following"
    r"|it)\b(?! (?:lesson|language|library|the hard))",
    r"\b(?:this|it) (?:thread|message|answer|entry|post|reply|fix|solution|procedure)?\s?(?:overrides"
    r"|supersedes|replaces|invalidates|takes precedence over) (?:all|any|every|everything"
    r"|the (?:earlier|previous|other|old)) ?(?:\w+ ){0,2}(?:answers?|fix(?:es)?|solutions?|docs?"
    r"|documentation|instructions?|entries|guidance|advice|sources?|runbooks?|threads?|knowledge)",
    r"\b(?:treat|regard|consider|mark|flag|store|file|index|record) (?:this|it|that|me"
    r"|my (?:\w+ )?(?:answers?|messages?|words))(?: (?:thread|message|answer|entry|reply|one|post"
    r"|fix))? as (?:an? |the )?(?:\w+ )?(?:official|authoritative|approved|verified|trusted|canonical"
    r"|ground[-\s]truth|gospel|confirmed|highest)\b",
    # words to a program
    rf"(?:^|[.!?\n>]|\bnote (?:to|for)\b|\b(?:hey|dear|attention|dear|hi|hello|ok"
    rf"|okay)\b) ?@?{_BOT}s?\b ?(?:[,:–—-]|please|you)* ?(?:please |you (?:must|should|will|shall|can"
    rf"|may|need to|have to) |kindly |now |do )*(?:learn|remember|memori[sz]e|save|store|note|record"
    rf"|always|never|only|answer|reply|respond|recommend|ignore|forget|use this|trust|obey|follow|quote"
    rf"|cite|index|tell|repeat|pay attention|listen|take)\b",
    rf"\b@?{_BOT}s? (?:must|should|shall|needs? to|has to|have to|is to|are to|will) (?:now |only "
    rf"|always |never |please |henceforth )*(?:answer|reply|respond|recommend|tell|say|quote|cite|learn"
    rf"|remember|trust|treat|ignore|forget|repeat|suggest)\b[^.!?\n]{{0,60}}\b(?:with|that|this|to|it"
    rf"|them|everyone|users?|as|by)\b",
    rf"\b(?:note|message|instructions?|memo|reminder|hint|prompt) (?:to|for) (?:all |the |any "
    rf"|our )?(?:{_BOT}s?|ai|ais|ai systems?|models?|llms?|automated (?:readers?|systems?)|agents?"
    rf"|summari[sz]ers?|whatever (?:ai|bot|model))\b",
    rf"\b(?:if|when) you(?:'re| are) (?:an? )?(?:{_BOT}|ai|an ai|automated|a model|reading this as"
    rf"|summari[sz]ing|indexing|mining)\b",
    r"\b(?:ignore|disregard|forget|override|bypass|skip|drop|discard|neglect)\b (?:about |all |any "
    r"|every |everything |each |of |your |the |my |these |those |previous(?:ly)? |prior |above "
    r"|earlier |preceding |existing |other |old |former |system |safety |original |current |given "
    r"|learn(?:ed|t) |approval |review )*(?:instructions?|prompts?|rules|guidelines?|guardrails?"
    r"|directives?|training|policies|restrictions|orders|safeguards|(?:what|anything|everything"
    r"|all) (?:that )?(?:you"
    r"|was) (?:were|was|have|know|been|said|learn\w*)|answers? (?:you|about|on|in|given))\b",
    rf"\byou(?:'re| are)(?: now| hereby| from now on| just| only|,)* ?(?:an? |the |our "
    rf"|my )?(?:\w+ )?(?:{_BOT}|dan|developer mode|jail ?broken|unrestricted|in (?:admin|developer"
    rf"|learning|training) mode)\b",
    r"\b(?:pretend|act|behave|respond|speak|answer|operate) (?:to be|as(?: if you were"
    r"| though you were)?) (?:an? |the )?(?:\w+ )?(?:admin(?:istrator)?|system|bot|assistant|analyst"
    r"|root|moderator|unrestricted)\b",
    r"\b(?:new|updated|revised|additional|hidden|secret|special|system) (?:instructions?|prompt"
    r"|directives?|orders)(?: (?:for you|follow|below|from|to follow|in effect))?\s?[:：]",
    r"\b(?:enter|enable|activate|switch to|begin|start) (?:\w+ )?(?:training|learning|teaching"
    r"|developer|debug|admin|maintenance|god) mode\b[^.!?\n]{0,30}(?:$|[.!?:,]"
    r"|and)(?=[\s\S]*\b(?:answer|learn|reply|remember|knowledge)\b)",
    r"<\|?(?:im_start|im_end|system|assistant|endoftext|start_header_id)\|?>|\[/?INST\]|<</?SYS>>"
    r"|^#{2,4} ?(?:instructions?|system(?: prompt| message)?|assistant|response)\b ?:?\s*$"
    r"|[\"']role[\"'] ?: ?[\"'](?:system|assistant)[\"'] ?, ?[\"']content[\"']|<(?:system"
    r"|instructions?|admin|assistant|knowledge[-_ ]update)>",
    # an authority that nobody gave them
    r"^\W{0,3}(?:system|assistant|admin(?:istrator)?|analyst|moderator|earshot|support team"
    r"|security team|it department|automated)(?:[-\s](?:message|note|notice|prompt|bot|update|approval"
    r"|override|announcement|verdict|review|approved))?(?:\W{0,3}(?:[:\]】|>]|–|—"
    r"| - ))+ ?(?=[^\n]{0,160}\b(?:approv|verif|authori[sz]|answer|always|never|tell|reply"
    r"|users? (?:must|should|are)|everyone|ignore|learn|remember|knowledge|trusted|confirmed (?:as|by"
    r"|official)|activat|override|record(?:ed)? as|official))",
    r"\b(?:as|speaking as|i am|i'm|being|this is) (?:an? |the |your "
    r"|our )?(?:\w+ ){0,2}(?:admin(?:istrator)?|moderator|analyst|owner|maintainer|member of staff"
    r"|security (?:team|officer|lead)|it (?:team|department|lead|admin)|ciso|cto|manager|lead"
    r"|staff)\b[^.!?\n]{0,60}\b(?:i |we )?(?:hereby )?(?:approve[ds]?|confirm this|authori[sz]e[ds]?"
    r"|certif(?:y|ied)|vouch|verify this|mark this|sign(?:ed)? off|declare|validate[ds]?|endorse"
    r"|permit|order (?:you|the bot|everyone))\b",
    r"\bhereby (?:approved?|authori[sz]e[ds]?|verif(?:y|ied)|certif|declare|order|instruct)",
    r"\bthis (?:\w+ )?(?:answer|entry|thread|solution|message|fix|reply|procedure|knowledge"
    r"|instruction)? ?(?:is|was|has(?: already)? been|counts as|comes) (?:\w+ )?(?:pre-?)?(?:approved"
    r"|verified|authori[sz]ed|vetted|signed off|reviewed|cleared|validated|certified"
    r"|endorsed)\b(?! (?:in|at|on) )",
    r"\b(?:no|without|skip(?:ping)?|needs? no|bypass(?:ing)?|does(?:n't| not) need"
    r"|not need(?:ing)?) (?:any |further |more |the |an? |human "
    r"|admin(?:istrator)?(?:'s)? )*(?:approval|review|moderation|verification|human check"
    r"|sign-?off)\b[^.!?\n]{0,20}(?:$|[.!?,;:)]|needed|required|necessary|for this|to (?:be )?(?:learn"
    r"|activat|publish|add|save))",
    r"\bapproved (?:for|into|by) (?:the )?(?:knowledge(?: ?base)?|kb|bot|earshot|night|faq"
    r"|security and it|security team|it security|compliance|the admins?)\b",
    r"\b(?:for|into|in|to) (?:the |our |your |earshot's )?(?:knowledge ?base|kb|bot's (?:knowledge"
    r"|answers|memory))\b ?[:：–—-]",
    r"(?:^|[.!?:;,]|\bplease\b) ?(?:please )?(?:add|save|put|record|enter|write|file|commit"
    r"|index) (?:this|that|it|the following|my (?:answer|fix))(?: \w+){0,3} ?(?:in|into|to) (?:the "
    r"|our )?(?:\w+ )?(?:knowledge(?: ?base)?|bot(?:'s)?|memory of the bot|bot memory|earshot)\b",
    r"\b(?:spread|pass|share|forward|repost|distribute|circulate) (?:this|it|the word|the (?:link"
    r"|command|fix))(?: on| along)? (?:to|with|among|in) (?:every ?(?:one|body)"
    r"|all(?: \w+)? (?:channels?|users?|customers?|teams?|colleagues|members)|every (?:channel|team"
    r"|customer|thread))",
    r"\b(?:so|that way) (?:that )?(?:the bot|earshot|it|the assistant) (?:will |can "
    r"|always )*(?:learns?|remembers?|picks? (?:it|this) up|repeats?|suggests? (?:it|this)"
    r"|answers? (?:with )?(?:this|it)|tells? (?:every|people|others))",
    r"\b(?:reply|react|confirm|vote|say|comment)\b[^.!?\n]{0,40}\bso (?:that )?(?:the bot|earshot"
    r"|it) (?:learns|remembers|picks|trusts|believes|keeps|stores)",
    # the same, said by the way
    rf"\b(?:who ?ever|(?:every|any|each|all)(?: (?:of )?(?:the|our|these|such))? ?(?:one|body"
    rf"|colleagues?|users?|people"
    rf"|customers?|questions?|tickets?|requests?|clients?|threads?)"
    rf"|{_ANYONE})\b[^.!?\n]{{0,60}}\b(?:(?:needs?|has|have|is|are|ought) to"
    rf"|must|should|shall|will) be (?:sent|told|pointed|directed|referred|instructed|answered|given"
    rf"|informed|advised)\b",
    r"\bmake sure (?:that )?[^.!?\n]{0,60}\b(?:is|are|gets?) (?:sent|told|pointed|directed|referred"
    r"|instructed|informed|advised)\b",
    r"\b(?:every|any|each|all) (?:\w+ )?(?:questions?|tickets?|requests?|threads?) (?:about|on|with"
    r"|for|regarding)\b[^.!?\n]{0,50}"
    r"\b(?:gets?|receives?|is (?:to be )?answered|are (?:to be )?answered|deserves?|has"
    r"|have)\b[^.!?\n]{0,20}\b(?:reply|answer|response|with|by)\b",
    r"\byour (?:only |next |standard |default )?(?:answer|reply|response|recommendation)s? (?:to|for"
    r"|on|about|must|should|shall|will|is|has|from)\b"
    r"[^.!?\n]{0,40}\b(?:must|has to|have to|should|shall|needs to|is to|will|from now on"
    r"|always) (?:always )?(?:be|say|read|mention|contain|include|name)\b",
    r"\b(?:ignore|disregard|forget|never mind|do not (?:trust|believe|quote|cite)|don't (?:trust"
    r"|believe|quote|cite))\b (?:all |any |about )?(?:what(?:ever)?"
    r"|everything|anything) (?:that )?(?:the |is in the |stands in the )?(?:docs?|documentation"
    r"|runbooks?|manual|earlier|other|older|previous|official)\b",
    r"\b(?:this is|here (?:is|speaks)|it's) (?:the |your |our )?(?:\w+ )?(?:analysts?|admins?"
    r"|administrators?|security|support|moderators?|compliance|it)"
    r"(?: team| desk| department)? (?:speaking|here|writing|talking)\b",
    r"\b(?:answer|reply|solution|fix|procedure|instructions?)s? (?:below|above|here|that follows"
    r"|in this thread)? ?(?:is|are) (?:now |hereby |from now on )?"
    r"(?:binding|mandatory|authoritative|canonical|the only valid|the only approved|final and)\b",
    r"\b(?:heads[-\s]?up|attention|fyi|memo|listen(?: up)?|info|reminder|hint"
    r"|word)\b[^.!?\n]{0,12}\b(?:for|to|,) (?:all |the |our |any )*(?:\w+ )?(?:bots?|assistants?"
    r"|ais?|llms?|earshot)\b",
    r"\b(?:our|the|a|new|company|team) (?:new |company |support )?(?:policy|rule|directive|convention"
    r"|agreement)\b[^.!?\n]{0,50}\b(?:answer|reply|tell|say|recommend|quote|respond)\b",
    # whoever speaks of the bot and of what it is to keep or say
    rf"\b{_BOT}s?\b[^.!?\n]{{0,50}}\b(?:repeats?|keeps? (?:this|that|it|one)|stores? (?:this|that|it)"
    rf"|saves? (?:this|that|it)|remembers?|memori[sz]es?|mention(?:s| only| this| that)"
    rf"|summari[sz](?:es?|ing)|learns? (?:this|that|it|from|to)|recommends?|tells? (?:every|all|people"
    rf"|any|who)|as the answer)\b",
    rf"\b(?:repeat|teach|keep|store|save|remember|learn|thumb\w*|vote|upvote"
    rf"|react)\b[^.!?\n]{{0,40}}\b(?:to|for|by|so that|so|into|until) (?:the |our |your )?{_BOT}s?\b",
    r"\b(?:this|these|my) (?:instructions?|answers?|messages?|rules?|fix|procedure) (?:has|have|takes?"
    r"|gets?) (?:the )?(?:top |highest |absolute )?(?:priority|precedence)\b",
    r"\b(?:is|are|gets?|get) asked (?:about|for|how)\b[^.!?\n]{0,60}\b(?:should|must|has to|have to"
    r"|needs to|please|shall)\b[^.!?\n]{0,20}"
    r"\b(?:hand out|give|send|say|answer|reply|link|repeat|post|quote|recommend)\b",
    r"\b(?:i am|i'm) (?:one of )?(?:the |an? |your )(?:admins?|administrators?|moderators?"
    r"|analysts?)\b[^.!?\n]{0,40}\b(?:confirm|approve|certify|vouch|declare|say)\b",
    r"\b(?:to|for|dear) (?:the |any |all |every )?(?:language )?(?:models?|ais?|llms?"
    r"|automations?) (?:reading|that reads?|which reads?|who reads?|alike|parsing|indexing)\b",
    r"\bsystem (?:override|update|directive|instruction)\b(?=\W{0,6}(?:[:>=]|the |all |answer))",
)
_CHINESE_CUES = _cue(
    r"(?:机器人|小助手|助手|知识库|[Ee]arshot)[^。！？\n]{0,16}(?:保存|记住|记下|学会|标准答案|收录"
    r"|采纳|照此|照这个|引用这)"
    r"|(?:保存|记住|记下|教会|教给|写进|标准答案)[^。！？\n]{0,12}(?:机器人|小助手|知识库|[Ee]arshot)",
    r"(?:不管|无论|不论)(?:谁|什么人|哪个)[^。！？\n]{0,6}问[^。！？\n]{0,10}(?:答|说|回|发)|标准口径"
    r"|(?:给|写给)(?:AI|机器人|大?模型|助手)(?:看|读|的)",
    r"(?:以后|从现在(?:开始|起)|从今(?:以后|天起|往后)|今后|往后|下次|接下来"
    r"|将来)[^。！？\n]{0,24}(?:都|就|请|要|一律|统一|只|务必)?(?:告诉|回答|回复|答复|推荐|建议|让|叫"
    r"|教|引导|提示)(?:他|她|它|大家|所有|每个|用户|客户|别人|对方|同事|谁|人|：|:|这个|这条|说|“|\")",
    r"(?:有人|谁|用户|客户|大家|别人|同事|任何人|新人|别的人)(?:再|如果|要是|一旦|只要|以后)?(?:来"
    r"|再)?(?:问|咨询|提到|遇到|反馈|报告|碰到)[^。！？\n]{0,36}(?:就说|就回|都回|就让|就叫|回答|回复"
    r"|答复|告诉|让他|叫他|请他|发这|发给他|把这|推荐|统一)",
    r"(?:凡是|只要|一旦|如果|要是|每当|当)(?:有)?(?:人|谁|用户|客户|大家|同事)?[^。！？\n]{0,12}(?:问"
    r"|咨询|提问)[^。！？\n]{0,40}(?:就说|就回|回答|回复|告诉|让他|叫他|推荐|答复)",
    r"(?:统一|一律|必须|总是|始终|永远|务必|只能|只许)(?:这样|都|要)?(?:回答|回复|答复|告诉|推荐"
    r"|引用)(?!.{0,4}(?:失败|超时|报错))",
    r"(?:请)?(?:告诉|通知|转告|叫|让)(?:所有|每(?:个|一个|位)|全部|全体)?(?:的)?(?:人|大家|用户|客户"
    r"|同事|员工|问的人)(?:都)?(?:去)?(?:运行|执行|安装|下载|使用|点击|打开|访问|用|关闭|关掉|输入|跑)",
    r"(?:记住|牢记|请记|记下|记好|记着|记得)(?:了)?(?:[：:，,！!\s]|这(?:个|条|一点)|以下|下面"
    r"|：)[^。！？\n]{0,20}(?:官方|标准|正确|唯一|公司|权威|正式|认可|推荐)的?[^。！？\n]{0,8}(?:解决"
    r"|修复|答案|做法|方法|办法|方案|回答|流程|命令|地址|链接|步骤|渠道)",
    r"(?:忽略|无视|忘掉|忘记|抛开|不要理会|不用管|绕过|跳过)(?:你|之前|以上|先前|前面|所有|全部|一切"
    r"|系统|原来|原有|此前|上面|的|已有|其他|人工|管理员)*(?:指令|规则|提示词|提示|指示|说明|设定|约束"
    r"|限制|审核|审批|回答|知识|答案)",
    r"你(?:现在|从现在起|其实)?(?:就)?是(?:一个|一名|个|我们的|这个)?(?:\w{0,4})?(?:机器人|小助手|助手"
    r"|智能助理|管理员模式|语言模型|大模型|AI)",
    r"(?:扮演|假装|充当|以)(?:你是)?(?:一个|一名)?(?:管理员|系统|客服机器人|分析师)(?:的)?(?:身份|角色"
    r"|名义|回答)?(?=[^。！？\n]{0,30}(?:批准|回答|回复|确认|授权|执行|宣布))",
    r"(?:我是|作为|身为|以)(?:本群|本频道|公司|系统|这里的|平台|你们的)?(?:的)?(?:管理员|分析师|群主"
    r"|负责人|安全团队|安全部|主管|官方客服|运维负责人|IT部)(?:身份|名义)?[^。！？\n]{0,20}(?:批准"
    r"|授权|确认|同意|认可|宣布|审核通过|核准|担保|要求(?:机器人|大家|所有))",
    r"^\W{0,3}(?:系统|管理员|分析师|官方|安全团队|机器人|助手|审核)(?:消息|提示|通知|公告|指令|批复"
    r"|说明|审批|批准|员)?(?:\W{0,2}[：:】\]])[^\n]{0,60}(?:批准|授权|通过|确认|所有|必须|回答|记住"
    r"|学习|忽略|知识|请各位|统一|生效|官方)",
    r"(?:机器人|小助手|助手|助理|[Ee]arshot|大模型|\bAI\b|语言模型)[，,：:！!\s]{0,3}(?:请|你|要|必须"
    r"|应该|务必|给我|来|快)*(?:学习|学会|学一下|记住|记下|记录|牢记|收录|采纳|以后|听好|注意|忽略"
    r"|忘掉|更新你|回答时)",
    r"(?:加(?:入|到|进)|写(?:入|进|到)|存(?:入|到|进)|收录(?:到|进)|录入|更新(?:到|进)?|放(?:进"
    r"|到))[^。！？\n]{0,6}(?:你的)?(?:知识库|记忆|机器人|知识里)(?:里|中|吧|，|。|！|$|:|：)",
    r"(?:这|本|此|该)(?:条|个|份|篇)?(?:回答|答案|方案|消息|内容|解决办法|知识|说明|指南)?(?:已|已经"
    r"|是|经过)(?:经|被|过|由)?[^。！？\n]{0,10}(?:批准|审核通过|官方认证|审批通过|授权|认证过|核准"
    r"|审核过)",
    r"(?:无需|不需要|不用|免|跳过|不必)(?:再)?(?:经过)?(?:人工|管理员|任何|人)?(?:的)?(?:审核|审批"
    r"|批准|复核)(?!.{0,6}(?:流程|功能|节点|接口))",
    r"(?:取代|覆盖|推翻|替换|作废)(?:了)?(?:之前|以前|先前|所有|其他|原来|一切"
    r"|旧)(?:的)?(?:所有)?(?:的)?(?:回答|答案|方案|文档|说法|知识)",
)
_HAN = re.compile(r"[\u4e00-\u9fff]")  # without one of these none of the Chinese cues can be there
_LETTERS = re.compile(r"(?<!\w)(?:[A-Za-z][ ._*-]){2,}[A-Za-z](?!\w)")  # i g n o r e


def teaches(text: str) -> bool:
    """Whether ``text`` tries to teach what to answer, speaks to the bot, or claims a say that it does not have."""
    return any(map(_has_cue, {text, _drawn_together(text)}))


def _has_cue(text: str) -> bool:
    chinese = _HAN.search(text) is not None and _CHINESE_CUES.search(text) is not None
    return chinese or _CUES.search(text) is not None


def _drawn_together(text: str) -> str:
    """``text`` with words that are spaced out drawn together; two blanks or more part words."""
    return _LETTERS.sub(lambda spaced: re.sub(r"(?<=\w)[ ._*-](?=\w)", "", spaced[0]), text)
