"""Words on plates and around them: states, slogans, dealers, makes of cars, shop signs. Data only.

Colours are BGR. A state's colours are those of its recent designs from memory and photographs, not from a standard:
they vary the picture, nothing depends on them.
"""

from typing import Final

from plate_press.palette import Colour

MX_STATES: Final[tuple[str, ...]] = (
    "AGUASCALIENTES", "BAJA CALIFORNIA", "BAJA CALIFORNIA SUR", "CAMPECHE", "CHIAPAS", "CHIHUAHUA", "COAHUILA",
    "COLIMA", "CIUDAD DE MEXICO", "DURANGO", "GUANAJUATO", "GUERRERO", "HIDALGO", "JALISCO", "ESTADO DE MEXICO",
    "MICHOACAN", "MORELOS", "NAYARIT", "NUEVO LEON", "OAXACA", "PUEBLA", "QUERETARO", "QUINTANA ROO",
    "SAN LUIS POTOSI", "SINALOA", "SONORA", "TABASCO", "TAMAULIPAS", "TLAXCALA", "VERACRUZ", "YUCATAN", "ZACATECAS",
    "COAHUILA", "COAHUILA DE ZARAGOZA", "COAHUILA", "NUEVO LEON", "CHIHUAHUA", "DURANGO", "TAMAULIPAS", "ZACATECAS",
    "Coahuila", "Nuevo Leon", "Jalisco", "Guanajuato", "Edo. Mex.", "Coah. Mex.", "N.L. Mex.", "Tamps. Mex.",
    "Dgo. Mex.",
)  # fmt: skip
"""Coahuila and its neighbours stand more than once: that is where the cameras hang."""
MX_SLOGANS: Final[tuple[str, ...]] = (
    "MEXICO", "TRASERA", "DELANTERA", "AUTOMOVIL PRIVADO", "CAMION PRIVADO", "SERVICIO PUBLICO", "SERVICIO PARTICULAR",
    "TIERRA DE DINOSAURIOS", "TIERRA DE MARIACHI", "UN ESTADO CON ENERGIA", "GOBIERNO DEL ESTADO", "CAPITAL DE TODOS",
    "ORGULLO DE MEXICO", "VIGENCIA 2027", "SERVICIO PUBLICO FEDERAL", "CARGA", "TAXI", "TRANSPORTE PUBLICO",
    "2024-2027",
    "MOTOCICLETA", "REMOLQUE", "MEX", "AUTO", "CAMION", "FRONTERA NORTE", "www.coahuila.gob.mx", "VISITA ZACATECAS",
)  # fmt: skip
US_STATES: Final[tuple[tuple[str, str], ...]] = (
    ("Alabama", "Heart of Dixie"), ("ALASKA", "THE LAST FRONTIER"), ("ARIZONA", "GRAND CANYON STATE"),
    ("Arkansas", "The Natural State"), ("California", "dmv.ca.gov"), ("COLORADO", ""),
    ("Connecticut", "Constitution State"),
    ("DELAWARE", "THE FIRST STATE"), ("MYFLORIDA.COM", "SUNSHINE STATE"), ("GEORGIA", "ON MY MIND"),
    ("HAWAII", "ALOHA STATE"),
    ("IDAHO", "FAMOUS POTATOES"), ("Illinois", "Land of Lincoln"), ("INDIANA", "IN GOD WE TRUST"), ("IOWA", "POLK"),
    ("KANSAS", "THE WHEAT STATE"), ("Kentucky", "UNBRIDLED SPIRIT"), ("Louisiana", "SPORTSMAN'S PARADISE"),
    ("MAINE", "Vacationland"), ("Maryland", "www.maryland.gov"), ("Massachusetts", "The Spirit of America"),
    ("Michigan", "GREAT LAKES"), ("Minnesota", "10,000 lakes"), ("MISSISSIPPI", "Hospitality State"),
    ("MISSOURI", "SHOW-ME STATE"),
    ("MONTANA", "TREASURE STATE"), ("NEBRASKA", ""), ("NEVADA", "THE SILVER STATE"),
    ("NEW HAMPSHIRE", "LIVE FREE OR DIE"),
    ("New Jersey", "Garden State"), ("NEW MEXICO", "LAND OF ENCHANTMENT"), ("NEW YORK", "EMPIRE STATE"),
    ("NORTH CAROLINA", "First in Flight"), ("NORTH DAKOTA", "PEACE GARDEN STATE"), ("OHIO", "BIRTHPLACE OF AVIATION"),
    ("OKLAHOMA", "NATIVE AMERICA"), ("Oregon", "PACIFIC WONDERLAND"), ("PENNSYLVANIA", "visitPA.com"),
    ("Rhode Island", "Ocean State"),
    ("South Carolina", "Smiling Faces. Beautiful Places."), ("South Dakota", "Great Faces. Great Places."),
    ("Tennessee", "The Volunteer State"), ("TEXAS", "The Lone Star State"), ("TEXAS", "THE LONE STAR STATE"),
    ("TEXAS", ""),
    ("UTAH", "LIFE ELEVATED"), ("Vermont", "Green Mountain State"), ("VIRGINIA", "VIRGINIA IS FOR LOVERS"),
    ("WASHINGTON", "EVERGREEN STATE"), ("West Virginia", "Wild, Wonderful"), ("WISCONSIN", "America's Dairyland"),
    ("WYOMING", "FOREVER WEST"), ("WASHINGTON, DC", "TAXATION WITHOUT REPRESENTATION"),
    ("ONTARIO", "YOURS TO DISCOVER"),
)  # fmt: skip
US_SECOND: Final[tuple[str, ...]] = (
    "FIREFIGHTER", "VETERAN", "UNIVERSITY", "CENTENNIAL", "SHELBY", "SCOTT", "LAKE TAHOE", "CONSERVE WILDLIFE", "TRUCK",
    "Cultural Trust", "Support Education", "ANTIQUE AUTO", "DISABLED", "CRITICAL HABITAT", "CRATER LAKE", "SALMON",
)  # fmt: skip
MONTHS: Final[tuple[str, ...]] = (
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC", "ENE", "ABR", "AGO", "DIC",
)  # fmt: skip
VANITY: Final[tuple[str, ...]] = (
    "COUGAR", "BLOGGER", "UBUNTU", "IRONY", "ATHEIST", "CHICAGO", "GOOD1", "LEGO", "MUSIC", "TOYOTA", "IMOK",
    "GOTCHA", "NO1", "OK",
    "BOOM", "ZOOM", "LOL", "QUEEN", "KING", "MOMSCAR", "DADSCAR", "RACER", "GOGOGO", "HELLO", "SAMPLE", "ANYTEXT",
    "PRIVACY",
    "TURBO", "DOCTOR", "LAWYER", "FIXIT", "BIGDOG", "MYTOY", "ILOVEU", "SUNNY", "QUILT", "JAZZ", "IBUYGLD", "GOLFER",
    "TARHEEL", "OILMAN", "COWBOY", "ROCK", "ROLL", "BLUE", "OHIO", "IOWA", "IDAHO", "EXTRA", "WOW", "XOXO", "IVORY",
    "UFO", "PIZZA",
)  # fmt: skip
DEALERS: Final[tuple[str, ...]] = (
    "O'HARE HONDA", "OAK LAWN TOYOTA", "ROCK SPRINGS", "HONDA-TOYOTA", "DES PLAINES", "FORD COUNTRY", "CHEVROLET",
    "AUTO MALL",
    "LINCOLN MERCURY", "AUTOHAUS", "CZECH REPUBLIC", "SLOVENSKA REPUBLIKA", "AUTO GAMMA BRNO", "AUTOMOBIL",
    "VOLKSWAGEN SALTILLO",
    "NISSAN TORREON", "AUTOS DEL NORTE", "TOYOTA MONTERREY", "SOY DE COAHUILA", "UNIVERSITY ALUMNI", "I LOVE MY DOG",
    "SANTOS LAGUNA", "RAYADOS", "TIGRES", "DALLAS COWBOYS", "MY OTHER CAR IS A BROOM", "www.autohaus.de",
    "GOMEZ PALACIO", "SEMINUEVOS",
)  # fmt: skip
MAKES: Final[tuple[str, ...]] = (
    "TOYOTA", "HONDA", "FORD", "NISSAN", "CHEVROLET", "VOLKSWAGEN", "HYUNDAI", "KIA", "MAZDA", "RAM", "DODGE",
    "JEEP", "SEAT", "RENAULT",
    "PEUGEOT", "FIAT", "SUZUKI", "ITALIKA", "KENWORTH", "FREIGHTLINER", "INTERNATIONAL", "ISUZU", "HINO", "MERCEDES",
    "BMW", "AUDI",
    "VENTO", "JETTA", "TSURU", "VERSA", "MARCH", "AVEO", "SPARK", "CIVIC", "COROLLA", "HILUX", "RANGER", "SILVERADO",
    "LOBO", "F-150", "2.0 TDI",
    "SENTRA", "KICKS", "TIIDA", "POLO", "GOL", "SKODA", "OCTAVIA", "4X4", "TURBO", "SPORT", "HYBRID", "GLI", "LTZ",
    "XLE", "V6", "GTI", "1.6", "3500 HD",
)  # fmt: skip
SIGNS: Final[tuple[str, ...]] = (
    "ALTO", "SALIDA", "UNA VIA", "CEDA EL PASO", "NO ESTACIONARSE", "FARMACIA", "TACOS", "OXXO", "ABARROTES",
    "FERRETERIA", "BANCO", "SE VENDE",
    "SE RENTA", "HOTEL", "PEMEX", "TALLER", "LLANTAS", "EXIT 24", "STOP", "SPEED LIMIT 55", "40 km/h", "SALTILLO 12",
    "MONTERREY 85",
    "CARR 57", "ZONA ESCOLAR", "ESCUELA", "PELIGRO", "TAXI", "RUTA 12", "TEL 844 123 4567", "AV. JUAREZ 1200",
    "CALLE 5", "RETORNO",
    "PRECAUCION", "COMO CONDUZCO 800 555", "MATERIAL PELIGROSO", "1203", "DOBLE SEMIRREMOLQUE", "ECO 0345", "UNIDAD 27",
)  # fmt: skip
OVERLAYS: Final[tuple[str, ...]] = (
    "CAM",
    "CAMARA",
    "PTZ",
    "C4",
    "LPR",
    "IPC",
    "BLVD",
    "CRUCE",
    "HIKVISION",
    "Camera",
    "NVR",
    "CH",
)
EU_COUNTRIES: Final[tuple[str, ...]] = (
    "SK", "CZ", "D", "A", "F", "I", "E", "P", "PL", "H", "RO", "BG", "HR", "SLO", "B", "NL", "L", "DK", "S", "FIN",
    "EST", "LV", "LT", "IRL", "GB", "GR",
)  # fmt: skip
BR_CITIES: Final[tuple[str, ...]] = (
    "BA-SALVADOR", "BA-LAURO DE FREITAS", "BA-CAMACARI", "BA-SIMOES FILHO", "DF-BRASILIA", "MG-BELO HORIZONTE",
    "SP-SAO PAULO",
    "RJ-RIO DE JANEIRO", "PR-CURITIBA", "ES-VITORIA", "RS-PORTO ALEGRE", "SE-TOBIAS BARRETO", "MG-MONTES CLAROS",
    "CE-FORTALEZA",
    "PE-RECIFE", "SP-CAMPINAS", "GO-GOIANIA", "SC-JOINVILLE", "BA-CANAVIEIRAS", "PA-BELEM", "AM-MANAUS",
)  # fmt: skip


def us_colours() -> tuple[tuple[Colour, Colour], ...]:
    """Ground and ink of plain US plates."""
    return (
        ((245, 245, 245), (120, 40, 20)), ((245, 245, 245), (40, 30, 30)), ((240, 245, 245), (40, 40, 190)),
        ((70, 100, 20), (245, 245, 245)), ((110, 40, 10), (245, 245, 245)), ((40, 200, 245), (30, 25, 25)),
        ((60, 190, 240), (110, 40, 20)), ((200, 230, 240), (30, 30, 30)), ((110, 200, 220), (20, 20, 20)),
        ((30, 25, 25), (240, 240, 240)), ((120, 40, 30), (60, 200, 250)), ((250, 240, 225), (130, 50, 20)),
        ((245, 245, 245), (70, 110, 20)), ((60, 160, 240), (40, 30, 30)), ((110, 60, 20), (60, 170, 240)),
    )  # fmt: skip
