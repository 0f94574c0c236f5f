# Lo que revisa el doctor, y qué hacer donde algo no está bien.
doctor-title = { $device } con el perfil { $profile }
doctor-nobody = este equipo
doctor-looking = Revisando { $what } ...
doctor-column-check = revisión
doctor-column-found = encontrado, y qué hacer
doctor-summary = { $failed ->
    [0] { $warned ->
        [0] Todo está bien.
       *[other] Nada falla; hay { $warned } por ver.
    }
   *[other] { $failed } por arreglar antes de irse, { $warned } por ver.
}
doctor-check-identity = identidad
doctor-check-agent = agente
doctor-check-profile = perfil
doctor-check-cpu-features = funciones del procesador
doctor-check-cores = núcleos del procesador
doctor-check-ram = memoria
doctor-check-swap = memoria de intercambio
doctor-check-core-dumps = volcados de memoria
doctor-check-temperature = temperatura
doctor-check-machine = equipo
doctor-check-disk = disco
doctor-check-disk-room = espacio en el disco
doctor-check-disk-file-system = sistema de archivos
doctor-check-inference = modelos
doctor-check-inference-device = dispositivo de los modelos
doctor-check-profile-device = dispositivo del perfil
doctor-check-inference-speed = búsqueda de placas
doctor-check-load = carga de los modelos
doctor-check-capacity = cámaras
doctor-check-clock-ntp = quién cuida el reloj
doctor-check-clock-offset = reloj
doctor-check-sealing = sellado
doctor-check-hotlist-at-rest = lista guardada
doctor-check-terms = términos de la empresa
doctor-check-certificate = certificado
doctor-check-dns = nombres
doctor-check-broker = broker
doctor-check-uplink = enlace de subida
doctor-check-cameras = cámaras
doctor-check-camera = cámara { $camera }
doctor-check-camera-rate = { $camera }: cuadros
doctor-check-camera-format = { $camera }: imagen
doctor-check-camera-drops = { $camera }: cuadros perdidos
doctor-check-camera-first-frame = { $camera }: primera imagen
doctor-check-camera-size = { $camera }: tamaño de imagen

doctor-not-enrolled = Este equipo aún no tiene certificado: inscríbalo con `edge-agent enroll TOKEN`.
doctor-not-enrolled-skipped = No se revisó: requiere el certificado. Inscriba el equipo y vuelva a correr el doctor.
doctor-identity-bad = La identidad no sirve ({ $reason }). Inscriba el equipo otra vez.
doctor-agent-not-running = El agente no está corriendo: `systemctl start atalaya-agent`; si no se queda, vea `journalctl -u atalaya-agent`.
doctor-timed-out = Sin respuesta en { $seconds } s. Corra el doctor otra vez; si sigue igual, lo que revisa está trabado.
doctor-could-not-look = No se pudo revisar: { $reason }
doctor-profile-foreign = El perfil { $profile } es para { $wanted }. Ponga el correcto en la configuración (`profile`); `edge-agent profiles list` los muestra.
doctor-cpu-features-missing = Al procesador le falta { $features }: los modelos irían lentísimos. En una máquina virtual pase el procesador del anfitrión; si no, use otro equipo.
doctor-cores-few = El perfil espera { $wanted } núcleos. Ponga un perfil más chico o corra `edge-agent tune`.
doctor-ram-too-small = El agente no cabe. Instale { $wanted_mb } MB de memoria.
doctor-ram-small = El perfil espera { $wanted_mb } MB. Instale más memoria o ponga un perfil más chico.
doctor-swap-on = Memoria con placas podría llegar al disco: apague el intercambio (`swapoff -a` y quite su línea de /etc/fstab), o deje que el agente fije su memoria (`lock_memory`, LimitMEMLOCK=infinity).
doctor-core-dumps-on = Un programa que truena puede dejar su memoria en el disco. El agente prohíbe los suyos; apague los demás: `Storage=none` en /etc/systemd/coredump.conf y `kernel.core_pattern=core` con límite de volcado 0.
doctor-temperature-unknown = Este equipo no muestra temperatura; si se calienta no baja su carga. En una máquina virtual es normal; si no, cargue el módulo del sensor (`sensors-detect`).
doctor-temperature-high = A los { $limit_c } °C el equipo mira menos seguido. Libere las rejillas, sáquelo del sol, limpie el ventilador.
doctor-temperature-too-high = Demasiado caliente (límite { $limit_c } °C): apáguelo y deje que se enfríe. Libere las rejillas, cambie el ventilador o el gabinete.
doctor-disk-full = { $path } necesita { $wanted_mb } MB libres. Quite lo que no es nuestro o ponga un disco más grande.
doctor-disk-unwritable = No se puede escribir en { $path } ({ $reason }). Corra el doctor como el usuario del servicio (`sudo -u atalaya-agent`); si sigue igual, revise el disco (`dmesg`).
doctor-file-system-unfit = { $path } está en { $system }, que olvida o deja leer a otros. Ponga data_dir en un ext4, xfs, btrfs o f2fs local.
doctor-file-system-unknown = { $path } está en { $system }, que nadie ha probado. Un ext4, xfs, btrfs o f2fs local sí está probado.
doctor-disk-slow = Escribir en { $path } tarda demasiado: tarjeta o disco gastado. Cámbielo antes de que falle.
doctor-device-missing = La configuración pide { $device }; hay { $have }. Instale el controlador del dispositivo, o corra `edge-agent tune`, que escribe lo que este equipo tiene.
doctor-device-unused = Este equipo tiene { $device } y la configuración no lo usa. Corra `edge-agent tune`.
doctor-device-fallback = Falta { $device }, para el que está hecho este perfil. Sin él el equipo aguanta { $cameras ->
    [one] { $cameras } cámara
   *[other] { $cameras } cámaras
}. Instale su controlador.
doctor-inference-slow = El perfil dice { $wanted_ms } ms. Vea que nada más corra en este equipo y que no esté caliente; luego corra `edge-agent tune`.
doctor-load-too-high = Las cámaras piden { $percent } % de lo que los modelos pueden: se pierden cuadros. Corra `edge-agent tune` o quite una cámara.
doctor-load-high = Las cámaras piden { $percent } % de lo que los modelos pueden: queda poco para una tarde de calor. Corra `edge-agent tune`.
doctor-frames-dropped = Se perdió el { $percent } % de los cuadros que tocaban desde que arrancó el agente. Corra `edge-agent tune` o quite una cámara.
doctor-capacity-exceeded = El perfil permite { $cameras } cámaras con { $frames_per_s } cuadros por segundo cada una, por el calor. Corra `edge-agent tune`.
doctor-ntp-unsynchronized = { $service } aún no tiene hora. Vea que el puerto UDP 123 esté abierto hacia los servidores de hora: `edge-agent network test`.
doctor-ntp-unknown = No se sabe quién cuida el reloj. Instale chrony (`apt install chrony`): sin él el reloj se atrasa y los certificados dejan de valer.
doctor-clock-wrong = El reloj está mal por { $seconds } s: no se creen ni certificados ni aciertos. Póngalo a la hora (`timedatectl set-time`) e instale chrony; si vuelve a estar mal tras un apagón, cambie la pila del reloj.
doctor-clock-off = El reloj está mal por { $seconds } s. Vea que chrony o systemd-timesyncd corra y alcance sus servidores.
doctor-dns-failed = Nadie conoce { $host }. Revise el servidor de nombres: `edge-agent network show`.
doctor-broker-refused = { $where } no acepta este equipo ({ $reason }). Sin respuesta: revise cable, dirección y que el puerto esté abierto. Rechazado: pregunte al centro de mando si el equipo fue revocado.
doctor-uplink-slow = Los aciertos pasan enseguida, las imágenes tardan. Desde { $good_kbit_s } kbit/s está bien: mejor lugar para la antena, otro proveedor, o cable.
doctor-uplink-too-slow = Muy lento para imágenes (mínimo { $least_kbit_s } kbit/s). Mueva la antena, revise la señal (`edge-agent network show`) o cambie de proveedor.
doctor-uplink-undated = El certificado del centro de mando no vale hoy. Si el reloj está mal (vea abajo), corríjalo; si está bien, avise al centro de mando que su certificado venció.
doctor-certificate-not-yet = { $name } aún no vale: está mal el reloj de este equipo o el del centro de mando.
doctor-certificate-expired = { $name } venció el { $date }. Corra `edge-agent identity renew`; si falla, inscriba otra vez.
doctor-certificate-late = { $name } vence el { $date } y ya debería estar renovado. Vea `edge-agent status` y luego `edge-agent identity renew`.
doctor-ca-late = { $name }, del centro de mando, vence el { $date }. Avise al centro de mando.
doctor-sealing-none = Aún no se ha sellado nada en este equipo. Será con la primera cámara con contraseña.
doctor-sealing-file = La llave que sella las contraseñas está en un archivo: quien se lleve el disco la tiene. Un TPM 2.0 (actívelo en el firmware: fTPM, PTT) la guarda mejor.
doctor-hotlist-file = La lista está en el disco con una llave que también está ahí. Es un riesgo aceptado por el operador; un TPM 2.0 lo quita.
doctor-camera-dead = Sin imagen: { $fault }
doctor-camera-slow = Llegan { $got } de { $wanted } cuadros por segundo. Ajuste la cámara, revise su cable y el switch.
doctor-camera-large = El perfil cuenta con { $want } pixeles como máximo; imágenes mayores cuestan más. Ponga el flujo principal de la cámara en 1920x1080.
doctor-no-cameras = No hay cámaras dadas de alta: `edge-agent cameras discover` y luego `edge-agent cameras add`.
