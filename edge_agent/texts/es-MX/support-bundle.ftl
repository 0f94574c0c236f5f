# edge-agent support-bundle
support-bundle-gathering = Reuniendo lo que soporte necesita
support-bundle-done = { $path }: { $files ->
    [one] { $files } archivo
   *[other] { $files } archivos
}, sin contraseñas, llaves ni placas.
support-bundle-look = Revíselo antes de enviarlo: tar -tzf, tar -xzf.
