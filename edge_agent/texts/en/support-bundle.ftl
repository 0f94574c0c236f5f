# edge-agent support-bundle
support-bundle-gathering = Gathering what support needs
support-bundle-done = { $path }: { $files ->
    [one] { $files } file
   *[other] { $files } files
}, without passwords, keys or plates.
support-bundle-look = Look into it before you send it: tar -tzf, tar -xzf.
