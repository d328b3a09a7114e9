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
