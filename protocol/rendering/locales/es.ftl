# Lo que rodea los valores codificados de un mensaje. Códigos, campos y tipos están en vocabularies/labels/.

moment = { $date }, { $time } UTC
state-and-address = { $state }, { $address }
international-body = organismo internacional

header-case = Caso
header-sender = De
header-recipient = Para
header-signed = Firmado
header-urgency = Urgencia
header-safety = Declaración
header-id = Mensaje
header-thread = Conversación
header-reply = En respuesta a
header-vocabulary = Versión del vocabulario

untranslated = sin traducir: { $language }
narrative-absent = El texto libre no se muestra aquí.
identity-sealed = Identidad: parte sellada, no se muestra.

broader = el código { $code } no se conoce aquí; este es el concepto más amplio más cercano
unknown-code = desconocido aquí

unreviewed = Las etiquetas son traducciones del propio proyecto y no se han revisado oficialmente.
people-judge = El programa comprueba la presencia, las fechas y las firmas; el contenido lo juzgan las personas.

agreement-title = Acuerdo sobre una solución duradera
agreement-between = Entre
agreement-digest = Huella
agreement-proposal = Versión acordada (mensaje)
agreement-amends = Sustituye al acuerdo
agreement-lifts = Responde a las suspensiones
agreement-terms = Condiciones
agreement-signed = Firmado por ambos Estados
agreement-key = con la clave { $key }
agreement-rests-on = Se basa en
agreement-document = Documento
agreement-document-absent = Este documento no obra aquí.
agreement-parts-absent = El texto libre y la identidad quedan vinculados por la huella del acuerdo y no se muestran aquí.
agreement-no-evidence = Esta página no es prueba: la prueba son los bytes firmados. No dice si el acuerdo está en vigor.

page-of = Página { $page } de { $pages }
not-shown = { $count ->
    [one] { $count } carácter de este documento no se puede imprimir aquí y aparece como �. Las versiones HTML y de texto lo muestran.
   *[other] { $count } caracteres de este documento no se pueden imprimir aquí y aparecen como �. Las versiones HTML y de texto los muestran.
}

numbered = { $label } { $number }
party-child = El niño o la niña
party-carer = Cuidador { $number }
party-person = Persona { $number }
party-place = Lugar { $number }

timeline-title = Cronología del caso { $case }
timeline-count = { $count ->
    [one] { $count } suceso
    [many] { $count } de sucesos
   *[other] { $count } sucesos
}
timeline-empty = Todavía no ha ocurrido nada.
timeline-party = de { $sender } a { $recipient }
timeline-due = respuesta debida el { $moment }
timeline-due-on-basis = respuesta debida el { $moment } ({ $basis })
timeline-days-left = { $days ->
    [0] vence hoy
    [one] queda { $days } día
    [many] quedan { $days } de días
   *[other] quedan { $days } días
}
timeline-days-late = { $days ->
    [one] { $days } día de retraso
    [many] { $days } de días de retraso
   *[other] { $days } días de retraso
}
timeline-refused = rechazado: { $reason }
signed-by = firmado por { $issuer }

event-case-opened = Caso abierto
event-identity-shown = Parte de identidad mostrada a una persona
event-parts-blocked = Texto libre e identidad bloqueados: nadie los lee
event-parts-unblocked = Bloqueo levantado
event-hold-set = Orden de conservación: no se borra nada
event-hold-lifted = Orden de conservación levantada
event-identity-erased = Identidad borrada definitivamente
event-narrative-erased = Texto libre borrado definitivamente
event-message-refused = Mensaje rechazado
event-deadline-passed = Plazo vencido sin respuesta
event-case-key-destroyed = Identidad destruida con su clave
event-case-closed = Caso cerrado

report-title = Verificación de las pruebas
report-whole = Íntegro: todas las firmas son válidas y ningún eslabón falta, está alterado o fuera de orden.
report-not-whole = { $count ->
    [one] No íntegro: { $count } hallazgo.
    [many] No íntegro: { $count } de hallazgos.
   *[other] No íntegro: { $count } hallazgos.
}
report-where = en { $where }
report-as-of = Exportado el
report-proven = Lo que demuestran las pruebas
report-shown = mostrado como { $format }, idioma: { $language }; huella { $digest }

statistics-title = Estadísticas de casos de trata de niños, niñas y adolescentes
statistics-role = Papel de este Estado en los casos
statistics-period = Casos conocidos en el año
statistics-stock = Casos conocidos y no cerrados al final del
statistics-made = Recuento del
statistics-total = Todos los casos
statistics-counted = Cada niño o niña se cuenta una sola vez, por la referencia del caso, aunque el caso se haya notificado varias veces. Se cuentan las presuntas víctimas.
statistics-hidden = Los números inferiores a { $threshold } no se indican, tampoco el cero; junto a ellos se oculta otro número cuando de lo contrario podrían deducirse. Solo se da la suma de lo oculto. «No indicado» no significa que no haya nadie.
statistics-not-shown = no indicado
statistics-together = Suma de lo no indicado
statistics-fewer = menos de { $threshold }
statistics-corridor = Entre qué Estados
statistics-other-corridors = Todos los demás pares de Estados
statistics-pair = { $destination } a { $origin }
statistics-several-forms = Varias formas
