# edge-agent identity new and show.
identity-key-in-tpm = The key is in this box's TPM and cannot be copied out of it.
identity-key-in-file = The key is in a file that only the service's user can read: whoever takes the disk has it.
identity-now-certify = Now have it certified: { $command }
identity-not-enrolled = { $device }: not enrolled yet
identity-who = { $device } at point { $point } of { $city }
identity-certified = Certified until { $until }, serial { $serial }
identity-key = Key { $key } ({ $algorithm })
identity-vault-tpm = Passwords at rest: sealed to the TPM
identity-vault-file = Passwords at rest: sealed under a key in a file
identity-vault-none = Passwords at rest: none yet
