# 消息中编码值以外的文字。代码、字段和消息类型的名称见 vocabularies/labels/。

moment = { $date } { $time } UTC
state-and-address = { $state }，{ $address }
international-body = 国际机构

header-case = 案件
header-sender = 发自
header-recipient = 发至
header-signed = 签名时间
header-urgency = 紧急程度
header-safety = 声明
header-id = 消息
header-thread = 往来
header-reply = 答复
header-vocabulary = 词表版本

untranslated = 未翻译：{ $language }
narrative-absent = 此处不显示自由文本。
identity-sealed = 身份：密封部分，不予显示。

broader = 代码 { $code } 在此未知；所示为最接近的上位概念
unknown-code = 在此未知

unreviewed = 名称为本项目自行翻译，未经官方审校。
people-judge = 软件只检查是否齐备、日期和签名；内容由人判断。

agreement-title = 持久解决方案协议
agreement-between = 双方
agreement-digest = 摘要
agreement-proposal = 议定版本（消息）
agreement-amends = 取代的协议
agreement-lifts = 所回应的中止
agreement-terms = 条款
agreement-signed = 双方国家的签署
agreement-key = 使用密钥 { $key }
agreement-rests-on = 依据
agreement-document = 文件
agreement-document-absent = 此处未存有该文件。
agreement-parts-absent = 自由文本和身份信息由协议的摘要所绑定，此处不予显示。
agreement-no-evidence = 本页不是证据：已签名的数据才是证据。本页不说明协议是否生效。

page-of = 第 { $page } 页，共 { $pages } 页
not-shown = 本文件有 { $count } 个字符在此无法打印，以 � 代替。HTML 版和纯文本版可显示这些字符。

numbered = { $label } { $number }
party-child = 该儿童
party-carer = 照料人 { $number }
party-person = 人员 { $number }
party-place = 地点 { $number }

timeline-title = 案件 { $case } 的时间线
timeline-count = { $count ->
   *[other] { $count } 项事件
}
timeline-empty = 尚无任何事件。
timeline-party = 由 { $sender } 发给 { $recipient }
timeline-due = 答复期限 { $moment }
timeline-due-on-basis = 答复期限 { $moment }（{ $basis }）
timeline-days-left = { $days ->
    [0] 今天到期
   *[other] 还剩 { $days } 天
}
timeline-days-late = { $days ->
   *[other] 已逾期 { $days } 天
}
timeline-refused = 被拒绝：{ $reason }
signed-by = 由 { $issuer } 签名

event-case-opened = 案件已建立
event-identity-shown = 身份部分已向人员显示
event-parts-blocked = 自由文本和身份信息已封存：无人可阅
event-parts-unblocked = 封存已解除
event-hold-set = 已设法定保全：不作任何删除
event-hold-lifted = 法定保全已解除
event-identity-erased = 身份信息已永久删除
event-narrative-erased = 自由文本已永久删除
event-message-refused = 消息被拒绝
event-deadline-passed = 期限已过而未获答复
event-case-key-destroyed = 身份信息已随密钥销毁
event-case-closed = 案件已结

report-title = 证据核验
report-whole = 完整：所有签名有效，没有缺失、被改动或顺序错误的环节。
report-not-whole = { $count ->
   *[other] 不完整：{ $count } 处问题。
}
report-where = 位置：{ $where }
report-as-of = 导出时间
report-proven = 证据所证明的内容
report-shown = 以 { $format } 格式展示，语言：{ $language }；摘要 { $digest }

statistics-title = 贩运儿童案件统计
statistics-role = 本国在案件中的角色
statistics-period = 获知案件的年份
statistics-stock = 截至该日终了时已获知且未结案的案件
statistics-made = 统计时间
statistics-total = 全部案件
statistics-counted = 无论案件通报多少次，每名儿童按案件编号只计一次。推定受害人计算在内。
statistics-hidden = 小于 { $threshold } 的数字不予显示，零亦不显示；如可由其他数字推算得出，则同时隐去另一个数字。仅给出隐去数字的合计。“不予显示”并不表示没有人。
statistics-not-shown = 不予显示
statistics-together = 未显示数字的合计
statistics-fewer = 少于 { $threshold }
statistics-corridor = 所涉两国
statistics-other-corridors = 其他所有国家组合
statistics-pair = { $destination } 至 { $origin }
statistics-several-forms = 多种形式

indicators-title = 各国相互答复的及时程度
indicators-year = 本年度提出的请求
indicators-as-of = 截至
indicators-told-at = 由对方节点告知
indicators-none = { $year } 年尚无可计入的请求。
indicators-corridor = { $asking }向{ $answering }提出请求
indicators-for-states = 供每条通道的两国使用。请求很少时，一个数字可能就是一名儿童的案件：请勿转发本页；面向公众另有公布版。
indicators-requests = 请求
indicators-accepted-in-seven-days = 7 天内接受
indicators-not-accepted-in-seven-days = 7 天内未接受
indicators-accepted-in-time = 在期限前接受
indicators-answered-in-time = 在期限前答复
indicators-answered-late = 在期限后答复
indicators-answered-in-first-time = 在最初确定的期限前答复
indicators-median-days = 答复所需天数，中位数
indicators-ninetieth-days = 答复所需天数，第 90 百分位数
indicators-days-of = 据以计算的请求数
indicators-of = { $figure }：分母
indicators-not-reached = 未达到：没有答复的请求过多
indicators-answered = 已答复
indicators-lapsed = 失效且无答复
indicators-open = 仍未结束
indicators-declined = 被拒绝
indicators-withdrawn = 由请求机关撤回
indicators-concluded = 由请求机关在无答复的情况下了结
indicators-extended = 已给出新日期
indicators-not-extended = 未给出新日期
indicators-redirected = 已转交另一机关
indicators-not-redirected = 未转交
indicators-paused = 期限因提问而中止
indicators-paused-days = 期限中止的整天数，所有请求合计
indicators-paused-seconds = 期限中止的秒数，所有请求合计
indicators-share = { $percent }%（{ $of } 件中的 { $part } 件）
indicators-share-of-none = 暂无可说（0 件）
indicators-beside = 与对方数字对照：{ $state }
indicators-agree = 两国的统计结果相同。
indicators-differ = 两国的统计结果不同。某条消息或其送达证据只在其中一国，而不在另一国。
indicators-other-definition = 对方节点按另一定义统计；其数字无法比较。
indicators-both = 本方 { $ours }，对方 { $theirs }
indicators-about = 这些数字的含义
indicators-about-moments = 计入的是各机关消息上经签名的日期，并且只计入有签名证据证明对方节点在所示时刻之前已收到的消息。节点何时收到与此无关。因此两国的计算结果相同。
indicators-about-accepted = 已接受：主管机关接受了请求，或直接作出了答复。
indicators-about-seven-days = 7 天内，即 168 小时：这是欧盟内部市场信息系统（IMI）的指标。接受的期限是另一个期限。
indicators-about-answered = 已答复：已发出报告、结果、意见或对方案的答复。对于案件通报，接受即为答复。期限包括因提问而中止的时间以及新日期，前提是它们在答复之前签署。
indicators-about-first-time = 在最初确定的期限前：不计中止时间和新日期。
indicators-about-shares = 比例旁边列出其分母。期限未满或在此之前已以其他方式结束的请求不计入其中。
indicators-about-days = 答复所需天数：不足一天按一天计。该数字取自已答复、已失效和未结束的请求；没有答复的请求视为比任何其他请求都长。将 n 件请求排序，第 90 百分位数是第 0.9 × n 位（向上取整）的请求，中位数是第 0.5 × n 位的请求。
indicators-about-ends = 每件请求只归入一处：已答复（包括逾期答复）、无答复而了结、被拒绝、被撤回、失效或未结束。沉默绝不是答复。
indicators-about-paused = 自答复机关提问起至其提问得到答复止，期限中止，但有时间上限。

# What an intermediary typed, and what a State accepted on paper.
header-via = 录入者
via-on-behalf = { $via }，代表 { $sender }
via-attested = 已证明：以“{ $form }”形式收到，日期为{ $date }。确定程度：{ $strength }。
via-attested-again = 依据另一原件再次证明，以较弱者为准：以“{ $form }”形式收到，日期为{ $date }。确定程度：{ $strength }。
via-not-attested = 未经证明：中介尚未说明录入所依据的原件。
via-attestation = 中介自身的证明
paper-title = 以书面文件接受的持久解决方案
paper-title-ended = 书面接受已失效的持久解决方案
paper-ended-means = 此版本已不成立。以下内容仅显示此前就其所作的表示，其中没有任何可予执行的内容。
paper-no-agreement = 这不是协议。只有一国签署了此版本，另一国未予签署：其同意以纸质文件送达。
paper-version = 以书面文件接受的版本（消息）
paper-signed = 仅一国签署
paper-consent = 纸质同意书
paper-of = 纸质文件出具方
paper-attested-by = 证明方
paper-attestation = 证明（消息）
paper-scan = 扫描件摘要
paper-confirmed-by = 经以下机关两人确认
paper-parts-absent = 自由文本和身份信息由该版本的摘要所绑定，此处不予显示。
paper-no-evidence = 本页不是证据：已签名的声明才是证据。本页不说明所接受的内容是否仍然有效。
paper-consents = 以纸质文件同意具有以下摘要的版本：{ $digest }。这不构成协议。
paper-proven = 以书面文件接受，未达成协议
paper-proven-ended = 不再以书面文件接受
paper-end-refused = 拒绝方
paper-end-withdrawn = 撤回方
paper-end-revoked = 撤销方
paper-end-superseded = 被以下机关的较新版本取代
paper-end-not-mandated = 未经授权出具证明方
