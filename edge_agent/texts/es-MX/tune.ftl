# Ajustar un equipo a lo que puede cargar.
tune-begin = Midiendo lo que cuesta decodificar un cuadro ...
tune-measuring = Midiendo { $setup } ...
tune-title-ways = Medido en este equipo
tune-title-settings = Configuración para { $cameras ->
    [one] { $cameras } cámara
   *[other] { $cameras } cámaras
} con el perfil { $profile }
tune-column-way = dispositivo, precisión, juegos x hilos, entrada
tune-column-rate = cuadros/s, todos
tune-column-each = cuadros/s, cada cámara
tune-column-key = clave
tune-column-was = antes
tune-column-now = ahora
tune-column-why = por qué
tune-why-fastest = de los dispositivos de aquí que nombra el perfil, el que da sus cuadros a las cámaras
tune-why-precision = f32 es la referencia; otra solo donde hace falta para alcanzar los cuadros
tune-why-threads = según lo medido; no más hilos de los que permite el perfil, por el calor
tune-why-side = el tamaño completo: uno menor pierde placas lejanas
tune-why-side-smaller = con el tamaño completo las cámaras tendrían muy pocos cuadros; se pierden placas lejanas
tune-why-profile = el máximo del perfil, por el calor; el equipo midió más
tune-why-measured = lo que queda tras decodificar ({ $decode_ms } ms por cuadro, 15 por segundo de cada una de { $cameras } cámaras), con una cuarta parte libre
tune-why-disk = no más que el presupuesto de disco del perfil
tune-why-memory = no más que el presupuesto de memoria del perfil
tune-too-many = El perfil permite { $most } cámaras y hay { $cameras }: pase algunas a otro equipo.
tune-too-slow = Cada cámara recibe { $got } cuadros por segundo; con menos de { $least } se escapan autos. Quite una cámara, vea que nada más corra aquí, o use un equipo más fuerte.
tune-dry = No se escribió nada. Sin --dry-run se cambia la configuración.
tune-written = Escrito en { $path }. Vuelva a arrancar el agente: systemctl restart atalaya-agent
tune-signed = Aquí rige la configuración firmada por la región. De estas claves solo las de las cámaras son de este equipo; --out FILE escribe las demás para que el centro de mando las firme (`aggregator rollout start`).
