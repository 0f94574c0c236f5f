# `edge-agent panic`
panic-key = Clave de { $button }: { $key }
panic-key-once = Póngala ahora en el botón: no se vuelve a mostrar. docs/cameras.md dice cómo firma un botón.
panic-removed = { $button } se quitó: desde ahora sus llamadas se rechazan.
panic-none = Ningún botón tiene clave. Haga una: edge-agent panic add BUTTON
panic-column-button = botón
panic-stored = La alarma quedó guardada en este equipo (prueba de { $button }). El centro de mando la lista como panic_test.
panic-refused = El equipo rechaza la llamada de { $button }: ¿es esta su clave, y el agente empezó de nuevo después de hacerla?
panic-unheard = Nadie responde en { $url }: ponga panic.http_port en los ajustes y arranque el agente.
panic-not-stored = El equipo no pudo guardar la alarma: ¿está lleno su disco?
panic-forged = En { $url } responde algo que no conoce la clave de { $button }: no es este equipo.
panic-off = No se oyen botones por la red: panic.http_port es 0 en los ajustes.
