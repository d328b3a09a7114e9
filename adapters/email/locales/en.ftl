subject = Message for your office: { $id }
attached = The attached file holds the message { $id } from another State’s authority. It is encrypted.
due = An answer is expected by { $moment }.
password = Your office was given the password in another way. It is never sent by e-mail; nobody will ask you for it by e-mail.
no-answer = Do not answer this e-mail, and send nothing about a case by e-mail. Answer as agreed with your focal point.
