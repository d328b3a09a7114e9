# What a mail says. Counts, kinds and dates; nothing here may take a name or a case.

notice-message-arrived = { $count } 条新消息
notice-message-refused = { $count } 条消息未被接受
notice-message-sent-on = { $count } 项请求已转交其他主管机关
notice-due-soon = { $count } 项答复即将到期
notice-overdue = { $count } 项答复已逾期
notice-escalated = { $count } 项逾期答复已上报
notice-lapsed = { $count } 个事项已失效
notice-clock-differs = 对方机关对 { $count } 个期限的计算不同
notice-approval-waiting = { $count } 项提议等待第二人处理
notice-approval-decided = { $count } 项提议已作出决定
notice-identity-released = 已批准 { $count } 次查阅身份资料
notice-protection-unknown = { $count } 个案件须重新确定保护状态
notice-stuck = { $count } 个事项停滞不前
notice-key-ending = { $count } 个密钥即将到期
notice-directory-ending = { $count } 个名录条目即将到期
notice-split-view = { $count } 个节点看到的名录不同
notice-relay-failed = { $count } 条消息未能转递
notice-adapter-unwell = { $count } 个与其他系统的连接无法工作
several = { $count } 条通知

with-due = { $what },期限为 { $date }
with-first-due = { $what },最早期限为 { $date }
with-until = { $what },有效至 { $date }
with-first-until = { $what },最早到期日为 { $date }

open = 打开 Focalpoint:
nothing-else = 本邮件不含任何案件的信息,其他邮件也不会包含。回复不会有人阅读。
who-decides = 由贵机关的管理员决定向此邮箱发送什么以及何时发送。
