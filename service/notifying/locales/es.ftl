# What a mail says. Counts, kinds and dates; nothing here may take a name or a case.

notice-message-arrived =
    { $count ->
        [one] 1 mensaje nuevo
       *[other] { $count } mensajes nuevos
    }
notice-message-refused =
    { $count ->
        [one] 1 mensaje no fue aceptado
       *[other] { $count } mensajes no fueron aceptados
    }
notice-message-sent-on =
    { $count ->
        [one] 1 solicitud se remitió a otra autoridad
       *[other] { $count } solicitudes se remitieron a otra autoridad
    }
notice-due-soon =
    { $count ->
        [one] 1 respuesta vence pronto
       *[other] { $count } respuestas vencen pronto
    }
notice-overdue =
    { $count ->
        [one] 1 respuesta está fuera de plazo
       *[other] { $count } respuestas están fuera de plazo
    }
notice-escalated =
    { $count ->
        [one] 1 respuesta fuera de plazo se elevó al nivel superior
       *[other] { $count } respuestas fuera de plazo se elevaron al nivel superior
    }
notice-lapsed =
    { $count ->
        [one] 1 asunto ha caducado
       *[other] { $count } asuntos han caducado
    }
notice-clock-differs =
    { $count ->
        [one] La otra autoridad calcula 1 plazo de otra manera
       *[other] La otra autoridad calcula { $count } plazos de otra manera
    }
notice-approval-waiting =
    { $count ->
        [one] 1 propuesta espera a una segunda persona
       *[other] { $count } propuestas esperan a una segunda persona
    }
notice-approval-decided =
    { $count ->
        [one] Se ha resuelto 1 propuesta
       *[other] Se han resuelto { $count } propuestas
    }
notice-identity-released =
    { $count ->
        [one] Se ha concedido 1 acceso a datos de identidad
       *[other] Se han concedido { $count } accesos a datos de identidad
    }
notice-protection-unknown =
    { $count ->
        [one] Hay que determinar de nuevo el estado de la protección en 1 caso
       *[other] Hay que determinar de nuevo el estado de la protección en { $count } casos
    }
notice-stuck =
    { $count ->
        [one] 1 elemento está detenido
       *[other] { $count } elementos están detenidos
    }
notice-key-ending =
    { $count ->
        [one] 1 clave caduca pronto
       *[other] { $count } claves caducan pronto
    }
notice-directory-ending =
    { $count ->
        [one] 1 entrada del directorio caduca pronto
       *[other] { $count } entradas del directorio caducan pronto
    }
notice-split-view =
    { $count ->
        [one] 1 nodo ve un directorio distinto
       *[other] { $count } nodos ven un directorio distinto
    }
notice-relay-failed =
    { $count ->
        [one] 1 mensaje no pudo retransmitirse
       *[other] { $count } mensajes no pudieron retransmitirse
    }
notice-adapter-unwell =
    { $count ->
        [one] 1 conexión con otro sistema no funciona
       *[other] { $count } conexiones con otros sistemas no funcionan
    }
several =
    { $count ->
        [one] 1 aviso
       *[other] { $count } avisos
    }

with-due = { $what }, vence el { $date }
with-first-due = { $what }, el primer vencimiento es el { $date }
with-until = { $what }, hasta el { $date }
with-first-until = { $what }, el primer término es el { $date }

open = Abrir Focalpoint:
nothing-else = Este correo no dice nada de ningún caso, y ningún otro lo hará. Las respuestas no se leen.
who-decides = Su administrador decide qué se envía a este buzón y cuándo.
