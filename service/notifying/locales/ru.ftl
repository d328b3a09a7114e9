# What a mail says. Counts, kinds and dates; nothing here may take a name or a case.

notice-message-arrived =
    { $count ->
        [one] { $count } новое сообщение
        [few] { $count } новых сообщения
        [many] { $count } новых сообщений
       *[other] { $count } новых сообщения
    }
notice-message-refused =
    { $count ->
        [one] { $count } сообщение не принято
        [few] { $count } сообщения не приняты
        [many] { $count } сообщений не принято
       *[other] { $count } сообщения не приняты
    }
notice-message-sent-on =
    { $count ->
        [one] { $count } запрос передан другому органу
        [few] { $count } запроса переданы другому органу
        [many] { $count } запросов передано другому органу
       *[other] { $count } запроса переданы другому органу
    }
notice-due-soon =
    { $count ->
        [one] { $count } ответ с истекающим сроком
        [few] { $count } ответа с истекающим сроком
        [many] { $count } ответов с истекающим сроком
       *[other] { $count } ответа с истекающим сроком
    }
notice-overdue =
    { $count ->
        [one] { $count } ответ просрочен
        [few] { $count } ответа просрочены
        [many] { $count } ответов просрочено
       *[other] { $count } ответа просрочены
    }
notice-escalated =
    { $count ->
        [one] { $count } просроченный ответ передан вышестоящему уровню
        [few] { $count } просроченных ответа переданы вышестоящему уровню
        [many] { $count } просроченных ответов передано вышестоящему уровню
       *[other] { $count } просроченных ответа переданы вышестоящему уровню
    }
notice-lapsed =
    { $count ->
        [one] { $count } вопрос утратил силу
        [few] { $count } вопроса утратили силу
        [many] { $count } вопросов утратило силу
       *[other] { $count } вопроса утратили силу
    }
notice-clock-differs =
    { $count ->
        [one] { $count } срок другой орган исчисляет иначе
        [few] { $count } срока другой орган исчисляет иначе
        [many] { $count } сроков другой орган исчисляет иначе
       *[other] { $count } срока другой орган исчисляет иначе
    }
notice-approval-waiting =
    { $count ->
        [one] { $count } предложение ожидает второго лица
        [few] { $count } предложения ожидают второго лица
        [many] { $count } предложений ожидает второго лица
       *[other] { $count } предложения ожидают второго лица
    }
notice-approval-decided =
    { $count ->
        [one] { $count } предложение рассмотрено
        [few] { $count } предложения рассмотрены
        [many] { $count } предложений рассмотрено
       *[other] { $count } предложения рассмотрены
    }
notice-identity-released =
    { $count ->
        [one] { $count } доступ к данным о личности предоставлен
        [few] { $count } доступа к данным о личности предоставлены
        [many] { $count } доступов к данным о личности предоставлено
       *[other] { $count } доступа к данным о личности предоставлены
    }
notice-protection-unknown =
    { $count ->
        [one] В { $count } деле нужно заново установить статус защиты
        [few] В { $count } делах нужно заново установить статус защиты
        [many] В { $count } делах нужно заново установить статус защиты
       *[other] В { $count } дела нужно заново установить статус защиты
    }
notice-stuck =
    { $count ->
        [one] { $count } элемент не продвигается
        [few] { $count } элемента не продвигаются
        [many] { $count } элементов не продвигается
       *[other] { $count } элемента не продвигаются
    }
notice-key-ending =
    { $count ->
        [one] { $count } ключ скоро истекает
        [few] { $count } ключа скоро истекают
        [many] { $count } ключей скоро истекает
       *[other] { $count } ключа скоро истекают
    }
notice-directory-ending =
    { $count ->
        [one] { $count } запись справочника скоро истекает
        [few] { $count } записи справочника скоро истекают
        [many] { $count } записей справочника скоро истекает
       *[other] { $count } записи справочника скоро истекают
    }
notice-split-view =
    { $count ->
        [one] { $count } узел видит другой справочник
        [few] { $count } узла видят другой справочник
        [many] { $count } узлов видит другой справочник
       *[other] { $count } узла видят другой справочник
    }
notice-relay-failed =
    { $count ->
        [one] { $count } сообщение не удалось передать дальше
        [few] { $count } сообщения не удалось передать дальше
        [many] { $count } сообщений не удалось передать дальше
       *[other] { $count } сообщения не удалось передать дальше
    }
notice-adapter-unwell =
    { $count ->
        [one] { $count } соединение с другой системой не работает
        [few] { $count } соединения с другими системами не работают
        [many] { $count } соединений с другими системами не работает
       *[other] { $count } соединения с другими системами не работают
    }
several =
    { $count ->
        [one] { $count } уведомление
        [few] { $count } уведомления
        [many] { $count } уведомлений
       *[other] { $count } уведомления
    }

with-due = { $what }, срок — { $date }
with-first-due = { $what }, ближайший срок — { $date }
with-until = { $what }, действует до { $date }
with-first-until = { $what }, ближайшее окончание — { $date }

open = Открыть Focalpoint:
nothing-else = В этом письме ничего не говорится ни об одном деле, как и в любом другом. Ответы на него никто не читает.
who-decides = Что и когда отправляется на этот ящик, решает ваш администратор.
