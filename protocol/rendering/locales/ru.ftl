# То, что окружает кодированные значения сообщения. Коды, поля и типы — в vocabularies/labels/.

moment = { $date }, { $time } UTC
state-and-address = { $state }, { $address }
international-body = международная организация

header-case = Дело
header-sender = От
header-recipient = Кому
header-signed = Подписано
header-urgency = Срочность
header-safety = Заявление
header-id = Сообщение
header-thread = Переписка
header-reply = В ответ на
header-vocabulary = Выпуск словаря

untranslated = не переведено: { $language }
narrative-absent = Свободный текст здесь не показан.
identity-sealed = Личность: запечатанная часть, не показана.

broader = код { $code } здесь не известен; показано ближайшее более широкое понятие
unknown-code = здесь не известно

unreviewed = Названия переведены самим проектом и официально не проверены.
people-judge = Программа проверяет наличие, даты и подписи; о содержании судят люди.

agreement-title = Соглашение о долгосрочном решении
agreement-between = Между
agreement-digest = Хеш
agreement-proposal = Согласованный вариант (сообщение)
agreement-amends = Заменяет соглашение
agreement-lifts = Отвечает на приостановления
agreement-terms = Условия
agreement-signed = Подписано обоими государствами
agreement-key = ключом { $key }
agreement-rests-on = Опирается на
agreement-document = Документ
agreement-document-absent = Этого документа здесь нет.
agreement-parts-absent = Свободный текст и сведения о личности связаны хешем соглашения и здесь не показаны.
agreement-no-evidence = Эта страница не является доказательством: доказательством служат подписанные данные. Она не говорит, действует ли соглашение.

page-of = Страница { $page } из { $pages }
not-shown = { $count ->
    [one] { $count } знак этого документа невозможно напечатать здесь, вместо него стоит �. В версиях HTML и «текст» он показан.
    [few] { $count } знака этого документа невозможно напечатать здесь, вместо них стоит �. В версиях HTML и «текст» они показаны.
    [many] { $count } знаков этого документа невозможно напечатать здесь, вместо них стоит �. В версиях HTML и «текст» они показаны.
   *[other] { $count } знака этого документа невозможно напечатать здесь, вместо них стоит �. В версиях HTML и «текст» они показаны.
}

numbered = { $label } { $number }
party-child = Ребёнок
party-carer = Ухаживающий { $number }
party-person = Лицо { $number }
party-place = Место { $number }

timeline-title = Хронология дела { $case }
timeline-count = { $count ->
    [one] { $count } событие
    [few] { $count } события
    [many] { $count } событий
   *[other] { $count } события
}
timeline-empty = Пока ничего не произошло.
timeline-party = от { $sender } для { $recipient }
timeline-due = срок ответа: { $moment }
timeline-due-on-basis = срок ответа: { $moment } ({ $basis })
timeline-days-left = { $days ->
    [0] срок истекает сегодня
    [one] остался { $days } день
    [few] осталось { $days } дня
    [many] осталось { $days } дней
   *[other] осталось { $days } дня
}
timeline-days-late = { $days ->
    [one] просрочено на { $days } день
    [few] просрочено на { $days } дня
    [many] просрочено на { $days } дней
   *[other] просрочено на { $days } дня
}
timeline-refused = отказ: { $reason }
signed-by = подписано: { $issuer }

event-case-opened = Дело открыто
event-identity-shown = Сведения о личности показаны сотруднику
event-parts-blocked = Свободный текст и данные о личности заблокированы: их никто не читает
event-parts-unblocked = Блокировка снята
event-hold-set = Введён запрет на уничтожение: ничего не стирается
event-hold-lifted = Запрет на уничтожение снят
event-identity-erased = Данные о личности стёрты навсегда
event-narrative-erased = Свободный текст стёрт навсегда
event-message-refused = Сообщение отклонено
event-deadline-passed = Срок истёк без ответа
event-case-key-destroyed = Сведения о личности уничтожены вместе с ключом
event-case-closed = Дело закрыто

report-title = Проверка доказательств
report-whole = Цело: все подписи действительны, ни одно звено не пропущено, не изменено и не переставлено.
report-not-whole = { $count ->
    [one] Нарушено: { $count } замечание.
    [few] Нарушено: { $count } замечания.
    [many] Нарушено: { $count } замечаний.
   *[other] Нарушено: { $count } замечания.
}
report-where = место: { $where }
report-as-of = Выгружено
report-proven = Что доказано
report-shown = показано в формате { $format }, язык: { $language }; хеш { $digest }

statistics-title = Статистика дел о торговле детьми
statistics-role = Роль этого государства в делах
statistics-period = Дела, ставшие известными в году
statistics-stock = Известные и не закрытые дела на конец дня
statistics-made = Подсчитано
statistics-total = Все дела
statistics-counted = Каждый ребёнок учтён один раз, по номеру дела, сколько бы уведомлений ни было направлено. Предполагаемые жертвы учитываются.
statistics-hidden = Число меньше { $threshold } не показывается, в том числе ноль; вместе с ним скрывается ещё одно число, если иначе его можно было бы вычислить. Приводится только сумма скрытых чисел. «Не показано» не означает, что таких детей нет.
statistics-not-shown = не показано
statistics-together = Непоказанные числа в сумме
statistics-fewer = меньше { $threshold }
statistics-corridor = Между какими государствами
statistics-other-corridors = Все остальные пары государств
statistics-pair = от { $destination } к { $origin }
statistics-several-forms = Несколько форм

indicators-title = Насколько своевременно государства отвечают друг другу
indicators-year = Запросы, сделанные в году
indicators-as-of = По состоянию на
indicators-told-at = Сообщено другим узлом
indicators-none = Запросов { $year } года, которые уже учитываются, пока нет.
indicators-corridor = Запрашивает { $asking }, отвечает { $answering }
indicators-for-states = Для двух государств каждого направления. Когда запросов мало, число может означать дело одного ребёнка: не передавайте эту страницу дальше; для общественности есть публикуемая форма.
indicators-requests = Запросы
indicators-accepted-in-seven-days = Приняты в течение 7 дней
indicators-not-accepted-in-seven-days = Не приняты в течение 7 дней
indicators-accepted-in-time = Приняты до истечения срока
indicators-answered-in-time = Ответ дан до истечения срока
indicators-answered-late = Ответ дан после истечения срока
indicators-answered-in-first-time = Ответ дан до истечения первоначального срока
indicators-median-days = Дней до ответа, медиана
indicators-ninetieth-days = Дней до ответа, 90-й процентиль
indicators-days-of = Запросы, по которым это рассчитано
indicators-of = { $figure }: из скольких
indicators-not-reached = не достигнуто: слишком много запросов без ответа
indicators-answered = Ответ дан
indicators-lapsed = Истекли без ответа
indicators-open = Ещё открыты
indicators-declined = Отклонены
indicators-withdrawn = Отозваны запрашивающим органом
indicators-concluded = Завершены запрашивающим органом без ответа
indicators-extended = Назначена новая дата
indicators-not-extended = Новая дата не назначена
indicators-redirected = Перенаправлены другому органу
indicators-not-redirected = Не перенаправлены
indicators-paused = Срок приостановлен вопросом
indicators-paused-days = Полных дней приостановки срока, по всем запросам вместе
indicators-paused-seconds = Секунд приостановки срока, по всем запросам вместе
indicators-share = { $percent } % ({ $part } из { $of })
indicators-share-of-none = пока сказать нечего (из 0)
indicators-beside = Рядом с числами другого государства: { $state }
indicators-agree = Оба государства насчитали одно и то же.
indicators-differ = Государства насчитали разное. Сообщение или доказательство его доставки есть у одного из них и отсутствует у другого.
indicators-other-definition = Другой узел считает по иному определению; его числа нельзя сравнить.
indicators-both = здесь { $ours }, там { $theirs }
indicators-about = Что означают эти числа
indicators-about-moments = Учитываются подписанные даты сообщений органов и только те сообщения, о которых подписанное доказательство говорит, что другой узел имел их до указанного момента. Время получения на узле роли не играет. Поэтому оба государства получают одно и то же.
indicators-about-accepted = Принят: ответственный орган принял запрос или сразу на него ответил.
indicators-about-seven-days = В течение 7 дней, то есть 168 часов: это показатель Информационной системы внутреннего рынка ЕС (IMI). Срок для принятия — другой.
indicators-about-answered = Ответ дан: отправлен отчёт, результат, вклад в оценку или ответ на предложение. Для уведомления о деле ответом является его принятие. В срок входит время, на которое вопросы его приостановили, и новая дата, если они подписаны до ответа.
indicators-about-first-time = До истечения первоначального срока: без приостановок и новых дат.
indicators-about-shares = Доля стоит рядом с числом, от которого она взята. Запросы, срок которых не истёк или которые раньше закончились иначе, в неё не входят.
indicators-about-days = Дней до ответа: начатый день считается. Число берётся по отвеченным, истекшим и открытым запросам; запрос без ответа считается длиннее любого другого. Из n запросов по порядку 90-й процентиль — это запрос на месте 0,9 × n с округлением вверх, медиана — на месте 0,5 × n.
indicators-about-ends = Каждый запрос учтён в одном месте: ответ дан (в том числе с опозданием), завершён без ответа, отклонён, отозван, истёк или открыт. Молчание никогда не является ответом.
indicators-about-paused = Срок приостанавливается с вопроса отвечающего органа до ответа на этот вопрос, на ограниченное время.

# What an intermediary typed, and what a State accepted on paper.
header-via = Набрано
via-on-behalf = { $via } от имени { $sender }
via-attested = Удостоверено: получено в форме «{ $form }» { $date }. Степень уверенности: { $strength }.
via-attested-again = Удостоверено повторно, по другому оригиналу; учитывается менее надёжное: получено в форме «{ $form }» { $date }. Степень уверенности: { $strength }.
via-not-attested = Не удостоверено: посредник ещё не сообщил, с чего это набрано.
via-attestation = Собственное свидетельство посредника
paper-title = Долгосрочное решение, принятое на бумаге
paper-title-ended = Долгосрочное решение, более не принятое на бумаге
paper-ended-means = Этот вариант не действует. Ниже показано то, что было сказано о нём прежде; исполнять здесь нечего.
paper-no-agreement = Это не соглашение. Этот вариант подписало одно государство; другое его не подписало: его согласие поступило на бумаге.
paper-version = Вариант, принятый на бумаге (сообщение)
paper-signed = Подписано только одним государством
paper-consent = Согласие на бумаге
paper-of = Чья бумага
paper-attested-by = Кем удостоверено
paper-attestation = Свидетельство (сообщение)
paper-scan = Хеш сканированной копии
paper-confirmed-by = Подтверждено двумя сотрудниками органа
paper-parts-absent = Свободный текст и сведения о личности связаны хешем варианта и здесь не показаны.
paper-no-evidence = Эта страница не является доказательством: доказательством служат подписанные заявления. Она не говорит, остаётся ли принятое в силе.
paper-consents = Согласие на бумаге с вариантом, хеш которого: { $digest }. Соглашением оно не является.
paper-proven = Принято на бумаге, но не согласовано
paper-proven-ended = Более не принято на бумаге
paper-end-refused = Кем отклонено
paper-end-withdrawn = Кем отозвано
paper-end-revoked = Кем отменено
paper-end-superseded = Заменено более новым вариантом от
paper-end-not-mandated = Кем удостоверено без мандата
