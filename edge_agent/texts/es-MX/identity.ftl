# edge-agent identity new y show.
identity-key-in-tpm = La llave está en el TPM de este equipo y no se puede copiar fuera de él.
identity-key-in-file = La llave está en un archivo que solo lee el usuario del servicio: quien se lleve el disco la tiene.
identity-now-certify = Ahora pida su certificado: { $command }
identity-not-enrolled = { $device }: aún no está dado de alta
identity-who = { $device } en el punto { $point } de { $city }
identity-certified = Certificado válido hasta { $until }, serie { $serial }
identity-key = Llave { $key } ({ $algorithm })
identity-vault-tpm = Contraseñas guardadas: selladas con el TPM
identity-vault-file = Contraseñas guardadas: selladas con una llave en archivo
identity-vault-none = Contraseñas guardadas: ninguna todavía
