# Palabras que comparten varios comandos.
verdict-pass = bien
verdict-warn = aviso
verdict-fail = falla
cameras = { $count ->
    [one] { $count } cámara
   *[other] { $count } cámaras
}
