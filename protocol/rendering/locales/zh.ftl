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
