# edge-agent identity renew
renew-asking = Asking for a new certificate and trying it
renew-done = The new certificate is in force and holds until { $until }.
