operator-nav-overview = Обзор
operator-overview-heading = Состояние этого узла
