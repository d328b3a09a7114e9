subject = Mensaje para su oficina: { $id }
attached = El archivo adjunto contiene el mensaje { $id } de la autoridad de otro Estado. Está cifrado.
due = Se espera una respuesta a más tardar el { $moment }.
password = La contraseña se entregó a su oficina por otra vía. Nunca se envía por correo electrónico, y nadie se la pedirá por ese medio.
no-answer = No responda a este correo ni envíe por correo electrónico nada sobre un caso. Responda del modo acordado con su punto focal.
