# edge-agent identity renew
renew-asking = Solicitando y probando un certificado nuevo
renew-done = El certificado nuevo está vigente hasta el { $until }.
