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

indicators-title = Con qué puntualidad se responden los Estados
indicators-year = Solicitudes formuladas en el año
indicators-as-of = Situación a fecha de
indicators-told-at = Comunicado por el otro nodo
indicators-none = Todavía no cuenta ninguna solicitud del año { $year }.
indicators-corridor = { $asking } solicita a { $answering }
indicators-for-states = Para los dos Estados de cada corredor. Con pocas solicitudes, una cifra puede ser el caso de un solo niño: no difunda esta página; para el público existe la forma publicada.
indicators-requests = Solicitudes
indicators-accepted-in-seven-days = Aceptadas en 7 días
indicators-not-accepted-in-seven-days = No aceptadas en 7 días
indicators-accepted-in-time = Aceptadas antes del vencimiento
indicators-answered-in-time = Respondidas antes del vencimiento
indicators-answered-late = Respondidas después del vencimiento
indicators-answered-in-first-time = Respondidas antes del vencimiento fijado al principio
indicators-median-days = Días hasta la respuesta, mediana
indicators-ninetieth-days = Días hasta la respuesta, percentil 90
indicators-days-of = Solicitudes sobre las que se calcula
indicators-of = { $figure }: sobre cuántas
indicators-not-reached = no alcanzado: demasiadas siguen sin respuesta
indicators-answered = Respondidas
indicators-lapsed = Caducadas sin respuesta
indicators-open = Todavía abiertas
indicators-declined = Rechazadas
indicators-withdrawn = Retiradas por la autoridad solicitante
indicators-concluded = Concluidas por la autoridad solicitante sin respuesta
indicators-extended = Con nueva fecha
indicators-not-extended = Sin nueva fecha
indicators-redirected = Redirigidas a otra autoridad
indicators-not-redirected = No redirigidas
indicators-paused = Plazo detenido por una pregunta
indicators-paused-days = Días completos en que el plazo estuvo detenido, todas las solicitudes juntas
indicators-paused-seconds = Segundos en que el plazo estuvo detenido, todas las solicitudes juntas
indicators-share = { $percent } % ({ $part } de { $of })
indicators-share-of-none = nada que decir todavía (de 0)
indicators-beside = Junto a las cifras de: { $state }
indicators-agree = Los dos Estados cuentan lo mismo.
indicators-differ = Los dos Estados cuentan de forma distinta. Un mensaje, o la prueba de que llegó, está en uno de ellos y no en el otro.
indicators-other-definition = El otro nodo cuenta según otra definición; sus cifras no pueden compararse.
indicators-both = aquí { $ours }, allí { $theirs }
indicators-about = Qué significan las cifras
indicators-about-moments = Cuentan las fechas firmadas de los mensajes de las autoridades, y solo los mensajes de los que una prueba firmada dice que el otro nodo los tenía antes del instante indicado. El momento en que un nodo recibió algo no influye. Por eso los dos Estados calculan lo mismo.
indicators-about-accepted = Aceptada: la autoridad encargada aceptó la solicitud, o la respondió directamente.
indicators-about-seven-days = En 7 días, es decir, 168 horas: es el indicador del Sistema de Información del Mercado Interior de la Unión Europea (IMI). El vencimiento para la aceptación es otro.
indicators-about-answered = Respondida: se envió el informe, el resultado, la contribución o la respuesta a la propuesta. En la notificación de un caso, la aceptación es la respuesta. El vencimiento incluye el tiempo en que las preguntas detuvieron el plazo, y una nueva fecha, si se firmaron antes de la respuesta.
indicators-about-first-time = Antes del vencimiento fijado al principio: sin plazos detenidos ni nuevas fechas.
indicators-about-shares = Una proporción figura junto al número al que se refiere. No se cuentan en ella las solicitudes cuyo plazo no ha terminado o que acabaron antes de otro modo.
indicators-about-days = Días hasta la respuesta: el día empezado cuenta. La cifra abarca las solicitudes respondidas, caducadas y abiertas; la que no tiene respuesta cuenta como más larga que cualquier otra. De n solicitudes ordenadas, el percentil 90 es la que ocupa el lugar 0,9 × n, redondeado hacia arriba; la mediana, la del lugar 0,5 × n.
indicators-about-ends = Cada solicitud está en un solo lugar: respondida (también con retraso), concluida sin respuesta, rechazada, retirada, caducada o abierta. El silencio nunca es una respuesta.
indicators-about-paused = El plazo se detiene desde una pregunta de la autoridad requerida hasta la respuesta a ella, por un tiempo limitado.

# What an intermediary typed, and what a State accepted on paper.
header-via = Transcrito por
via-on-behalf = { $via } en nombre de { $sender }
via-attested = Atestado: recibido en la forma «{ $form }» el { $date }. Grado de certeza: { $strength }.
via-attested-again = Atestado de nuevo, a partir de otro original; cuenta el más débil: recibido en la forma «{ $form }» el { $date }. Grado de certeza: { $strength }.
via-not-attested = Sin atestar: el intermediario aún no ha dicho a partir de qué lo transcribió.
via-attestation = Atestación del propio intermediario
paper-title = Solución duradera aceptada en papel
paper-title-ended = Solución duradera que ya no está aceptada en papel
paper-ended-means = Esta versión no está en pie. Lo que sigue muestra lo que se dijo antes de ella, y nada que pueda ejecutarse.
paper-no-agreement = Esto no es un acuerdo. Un Estado firmó esta versión; el otro no la ha firmado: su consentimiento llegó en papel.
paper-version = Versión aceptada en papel (mensaje)
paper-signed = Firmado por un solo Estado
paper-consent = Consentimiento en papel
paper-of = Autor del documento en papel
paper-attested-by = Atestado por
paper-attestation = Atestación (mensaje)
paper-scan = Huella de la digitalización
paper-confirmed-by = Confirmado por dos personas de
paper-parts-absent = El texto libre y la identidad quedan vinculados por la huella de la versión y no se muestran aquí.
paper-no-evidence = Esta página no es prueba: la prueba son las declaraciones firmadas. No dice si lo aceptado sigue en pie.
paper-consents = Consentimiento en papel a la versión con esta huella: { $digest }. No constituye un acuerdo.
paper-proven = Aceptado en papel, no acordado
paper-proven-ended = Ya no está aceptado en papel
paper-end-refused = Rechazado por
paper-end-withdrawn = Retirado por
paper-end-revoked = Revocado por
paper-end-superseded = Sustituido por una versión más reciente de
paper-end-not-mandated = Atestado sin mandato por
