operator-nav-overview = نظرة عامة
operator-overview-heading = حالة هذه العقدة
