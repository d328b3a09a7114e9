# ما يحيط بالقيم المرمّزة في الرسالة. أما الرموز والحقول وأنواع الرسائل فهي في vocabularies/labels/.

moment = { $date }، { $time } UTC
state-and-address = { $state }، { $address }
international-body = هيئة دولية

header-case = القضية
header-sender = من
header-recipient = إلى
header-signed = تاريخ التوقيع
header-urgency = درجة الاستعجال
header-safety = الإقرار
header-id = الرسالة
header-thread = المراسلة
header-reply = ردًّا على
header-vocabulary = إصدار المفردات

untranslated = غير مترجم: { $language }
narrative-absent = النص الحر غير معروض هنا.
identity-sealed = الهوية: جزء مختوم، غير معروض.

broader = الرمز { $code } غير معروف هنا؛ وهذا أقرب مفهوم أوسع
unknown-code = غير معروف هنا

unreviewed = التسميات ترجمات خاصة بالمشروع ولم تُراجَع رسميًّا.
people-judge = يتحقق البرنامج من الوجود والتواريخ والتوقيعات؛ أما المضمون فيحكم عليه الناس.

agreement-title = اتفاق بشأن حل دائم
agreement-between = بين
agreement-digest = البصمة الرقمية
agreement-proposal = الصيغة المتفق عليها (الرسالة)
agreement-amends = يحلّ محلّ الاتفاق
agreement-lifts = يردّ على قرارات التعليق
agreement-terms = الشروط
agreement-signed = توقيع الدولتين
agreement-key = بالمفتاح { $key }
agreement-rests-on = يستند إلى
agreement-document = الوثيقة
agreement-document-absent = هذه الوثيقة غير محفوظة هنا.
agreement-parts-absent = النص الحر وبيانات الهوية مرتبطان بالبصمة الرقمية للاتفاق ولا يظهران هنا.
agreement-no-evidence = هذه الصفحة ليست دليلًا: الدليل هو البيانات الموقَّعة. وهي لا تبيّن ما إذا كان الاتفاق نافذًا.

page-of = الصفحة { $page } من { $pages }
not-shown = { $count ->
    [zero] كل أحرف هذه الوثيقة مطبوعة هنا.
    [one] تتعذر هنا طباعة حرف واحد من هذه الوثيقة، ويحل محله الرمز �. ويظهر الحرف في نسختي HTML والنص.
    [two] تتعذر هنا طباعة حرفين من هذه الوثيقة، ويحل محلهما الرمز �. ويظهر الحرفان في نسختي HTML والنص.
    [few] تتعذر هنا طباعة { $count } أحرف من هذه الوثيقة، ويحل محلها الرمز �. وتظهر الأحرف في نسختي HTML والنص.
    [many] تتعذر هنا طباعة { $count } حرفًا من هذه الوثيقة، ويحل محلها الرمز �. وتظهر الأحرف في نسختي HTML والنص.
   *[other] تتعذر هنا طباعة { $count } حرف من هذه الوثيقة، ويحل محلها الرمز �. وتظهر الأحرف في نسختي HTML والنص.
}

numbered = { $label } { $number }
party-child = الطفل
party-carer = مقدّم الرعاية { $number }
party-person = الشخص { $number }
party-place = المكان { $number }

timeline-title = التسلسل الزمني للقضية { $case }
timeline-count = { $count ->
    [zero] لا أحداث
    [one] حدث واحد
    [two] حدثان
    [few] { $count } أحداث
    [many] { $count } حدثًا
   *[other] { $count } حدث
}
timeline-empty = لم يحدث شيء بعد.
timeline-party = من { $sender } إلى { $recipient }
timeline-due = موعد الرد { $moment }
timeline-due-on-basis = موعد الرد { $moment } ({ $basis })
timeline-days-left = { $days ->
    [zero] يحلّ الموعد اليوم
    [one] بقي يوم واحد
    [two] بقي يومان
    [few] بقيت { $days } أيام
    [many] بقي { $days } يومًا
   *[other] بقي { $days } يوم
}
timeline-days-late = { $days ->
    [zero] دون تأخر
    [one] تأخر يومًا واحدًا
    [two] تأخر يومين
    [few] تأخر { $days } أيام
    [many] تأخر { $days } يومًا
   *[other] تأخر { $days } يوم
}
timeline-refused = مرفوض: { $reason }
signed-by = بتوقيع { $issuer }

event-case-opened = فُتحت القضية
event-identity-shown = عُرض جزء الهوية على شخص
event-parts-blocked = حُجب النص الحر وبيانات الهوية: لا يقرؤها أحد
event-parts-unblocked = رُفع الحجب
event-hold-set = أمر قانوني بالحفظ: لا يُمحى شيء
event-hold-lifted = رُفع أمر الحفظ القانوني
event-identity-erased = مُحيت بيانات الهوية نهائيًا
event-narrative-erased = مُحي النص الحر نهائيًا
event-message-refused = رُفضت الرسالة
event-deadline-passed = انقضى الموعد دون رد
event-case-key-destroyed = أُتلفت الهوية مع مفتاحها
event-case-closed = أُغلقت القضية

report-title = التحقق من الأدلة
report-whole = سليمة: كل التوقيعات صحيحة، ولا حلقة مفقودة أو محرّفة أو في غير موضعها.
report-not-whole = { $count ->
    [zero] غير سليمة.
    [one] غير سليمة: ملاحظة واحدة.
    [two] غير سليمة: ملاحظتان.
    [few] غير سليمة: { $count } ملاحظات.
    [many] غير سليمة: { $count } ملاحظة.
   *[other] غير سليمة: { $count } ملاحظة.
}
report-where = الموضع: { $where }
report-as-of = تاريخ التصدير
report-proven = ما تثبته الأدلة
report-shown = عُرضت بصيغة { $format }، اللغة: { $language }؛ البصمة { $digest }

statistics-title = إحصاءات حالات الاتجار بالأطفال
statistics-role = دور هذه الدولة في الحالات
statistics-period = الحالات التي عُرفت في سنة
statistics-stock = الحالات المعروفة غير المقفلة في نهاية يوم
statistics-made = تاريخ الإحصاء
statistics-total = جميع الحالات
statistics-counted = يُحتسب كل طفل مرة واحدة بحسب مرجع الحالة، مهما تكررت الإخطارات. ويُحتسب الضحايا المفترضون.
statistics-hidden = لا يُعرض أي عدد أقل من { $threshold }، ولا الصفر؛ ويُحجب معه عدد آخر إذا أمكن لولا ذلك استنتاجه. ولا يُعطى إلا مجموع الأعداد المحجوبة. وعبارة «غير معروض» لا تعني عدم وجود أحد.
statistics-not-shown = غير معروض
statistics-together = مجموع ما لم يُعرض
statistics-fewer = أقل من { $threshold }
statistics-corridor = بين أي دولتين
statistics-other-corridors = جميع أزواج الدول الأخرى
statistics-pair = من { $destination } إلى { $origin }
statistics-several-forms = عدة أشكال

indicators-title = مدى التزام الدول بالمواعيد في ردّ بعضها على بعض
indicators-year = الطلبات المقدَّمة في السنة
indicators-as-of = الحالة في
indicators-told-at = أبلغت به العقدة الأخرى
indicators-none = لا يوجد بعدُ طلب من سنة { $year } يدخل في الحساب.
indicators-corridor = { $asking } تطلب من { $answering }
indicators-for-states = هذه الصفحة لدولتَي كل مسار. حين تكون الطلبات قليلة قد يدلّ الرقم على حالة طفل واحد: لا تنشروها؛ فللجمهور صيغة منشورة.
indicators-requests = الطلبات
indicators-accepted-in-seven-days = قُبلت خلال 7 أيام
indicators-not-accepted-in-seven-days = لم تُقبل خلال 7 أيام
indicators-accepted-in-time = قُبلت قبل انقضاء المهلة
indicators-answered-in-time = أُجيب عنها قبل انقضاء المهلة
indicators-answered-late = أُجيب عنها بعد انقضاء المهلة
indicators-answered-in-first-time = أُجيب عنها قبل انقضاء المهلة المحددة أولًا
indicators-median-days = الأيام حتى الرد، الوسيط
indicators-ninetieth-days = الأيام حتى الرد، المئين التسعون
indicators-days-of = الطلبات التي حُسب عليها ذلك
indicators-of = { $figure }: من أصل كم
indicators-not-reached = لم يُبلَغ: طلبات كثيرة جدًا بلا رد
indicators-answered = أُجيب عنها
indicators-lapsed = سقطت بلا رد
indicators-open = لا تزال مفتوحة
indicators-declined = رُفضت
indicators-withdrawn = سحبتها السلطة الطالبة
indicators-concluded = أنهتها السلطة الطالبة من دون رد
indicators-extended = حُدّد لها موعد جديد
indicators-not-extended = لم يُحدَّد لها موعد جديد
indicators-redirected = أُعيد توجيهها إلى سلطة أخرى
indicators-not-redirected = لم يُعَد توجيهها
indicators-paused = أُوقفت مهلتها بسؤال
indicators-paused-days = الأيام الكاملة لوقف المهلة، لجميع الطلبات معًا
indicators-paused-seconds = الثواني التي أُوقفت فيها المهلة، لجميع الطلبات معًا
indicators-share = { $percent }٪ ({ $part } من { $of })
indicators-share-of-none = لا شيء يقال بعد (من 0)
indicators-beside = إلى جانب أرقام: { $state }
indicators-agree = الدولتان تحسبان الأرقام نفسها.
indicators-differ = الدولتان تحسبان أرقامًا مختلفة. توجد رسالة، أو دليل وصولها، لدى إحداهما دون الأخرى.
indicators-other-definition = تحسب العقدة الأخرى وفق تعريف آخر؛ ولا يمكن مقارنة أرقامها.
indicators-both = هنا { $ours }، وهناك { $theirs }
indicators-about = معنى الأرقام
indicators-about-moments = ما يُحسب هو التواريخ الموقَّعة لرسائل السلطات، وفقط الرسائل التي يثبت دليل موقَّع أنها كانت لدى العقدة الأخرى قبل اللحظة المذكورة. ولا أثر لوقت استلام العقدة لأي شيء. لذلك تحسب الدولتان الشيء نفسه.
indicators-about-accepted = قُبل الطلب: قبلته السلطة المكلَّفة به أو أجابت عنه مباشرة.
indicators-about-seven-days = خلال 7 أيام، أي 168 ساعة: هذا مؤشر نظام معلومات السوق الداخلية للاتحاد الأوروبي (IMI). أما مهلة القبول فهي مهلة أخرى.
indicators-about-answered = أُجيب عنه: أُرسل التقرير أو النتيجة أو المساهمة أو الرد على الاقتراح. وفي الإخطار بحالة يكون القبول هو الرد. وتشمل المهلة الوقت الذي أوقفتها فيه الأسئلة، والموعد الجديد، إذا وُقِّع ذلك قبل الرد.
indicators-about-first-time = قبل انقضاء المهلة المحددة أولًا: من دون أوقات الوقف والمواعيد الجديدة.
indicators-about-shares = تُذكر النسبة إلى جانب العدد الذي أُخذت منه. ولا تدخل فيها الطلبات التي لم تنقضِ مهلتها أو التي انتهت قبل ذلك على نحو آخر.
indicators-about-days = الأيام حتى الرد: اليوم الذي بدأ يُحسب. ويؤخذ الرقم على الطلبات المُجاب عنها والساقطة والمفتوحة؛ ويُعدّ الطلب الذي لا رد عليه أطول من أي طلب آخر. ومن n طلبًا مرتَّبًا يكون المئين التسعون هو الطلب في المرتبة 0.9 × n مقرَّبة إلى أعلى، والوسيط هو الطلب في المرتبة 0.5 × n.
indicators-about-ends = كل طلب في موضع واحد: أُجيب عنه (ولو متأخرًا)، أو أُنهي من دون رد، أو رُفض، أو سُحب، أو سقط، أو لا يزال مفتوحًا. والصمت ليس ردًا أبدًا.
indicators-about-paused = تتوقف المهلة من سؤال السلطة المجيبة حتى الرد على سؤالها، لوقت محدود.

# What an intermediary typed, and what a State accepted on paper.
header-via = كتبها
via-on-behalf = { $via } نيابة عن { $sender }
via-attested = مشهود عليها: وردت بصيغة «{ $form }» في { $date }. درجة التثبت: { $strength }.
via-attested-again = شُهد عليها مرة أخرى من أصل آخر، ويُعتد بالأضعف: وردت بصيغة «{ $form }» في { $date }. درجة التثبت: { $strength }.
via-not-attested = غير مشهود عليها: لم يذكر الوسيط بعد المصدر الذي كتبها عنه.
via-attestation = شهادة الوسيط نفسه
paper-title = حل دائم قُبل على الورق
paper-title-ended = حل دائم لم يعد مقبولًا على الورق
paper-ended-means = هذه الصيغة ليست قائمة. ويبيّن ما يلي ما قيل بشأنها من قبل، وليس فيه ما يجوز تنفيذه.
paper-no-agreement = هذا ليس اتفاقًا. وقّعت دولة واحدة هذه الصيغة، ولم توقّعها الدولة الأخرى: فقد وردت موافقتها على الورق.
paper-version = الصيغة المقبولة على الورق (الرسالة)
paper-signed = توقيع دولة واحدة فقط
paper-consent = موافقة على الورق
paper-of = صاحب الورقة
paper-attested-by = شهد عليها
paper-attestation = الشهادة (الرسالة)
paper-scan = البصمة الرقمية للنسخة الممسوحة
paper-confirmed-by = أكّدها شخصان من
paper-parts-absent = النص الحر وبيانات الهوية مرتبطان بالبصمة الرقمية للصيغة ولا يظهران هنا.
paper-no-evidence = هذه الصفحة ليست دليلًا: الدليل هو البيانات الموقَّعة. وهي لا تبيّن ما إذا كان ما قُبل لا يزال قائمًا.
paper-consents = موافقة على الورق على الصيغة ذات البصمة الرقمية التالية: { $digest }. وهي لا تُنشئ اتفاقًا.
paper-proven = مقبول على الورق، وليس متفقًا عليه
paper-proven-ended = لم يعد مقبولًا على الورق
paper-end-refused = رفضتها
paper-end-withdrawn = سحبتها
paper-end-revoked = ألغتها
paper-end-superseded = حلّت محلها صيغة أحدث من
paper-end-not-mandated = شهدت عليها دون تفويض
