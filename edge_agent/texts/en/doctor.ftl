# What the doctor looks at, and what to do where it is not well.
doctor-title = { $device } under profile { $profile }
doctor-nobody = this box
doctor-looking = Looking at { $what } ...
doctor-column-check = check
doctor-column-found = found, and what to do
doctor-summary = { $failed ->
    [0] { $warned ->
        [0] All is well.
       *[other] Nothing fails; { $warned } to look at.
    }
   *[other] { $failed } to mend before you leave, { $warned } to look at.
}
doctor-check-identity = identity
doctor-check-agent = agent
doctor-check-profile = profile
doctor-check-cpu-features = processor features
doctor-check-cores = processor cores
doctor-check-ram = memory
doctor-check-swap = swap
doctor-check-core-dumps = core dumps
doctor-check-temperature = temperature
doctor-check-machine = machine
doctor-check-disk = disk
doctor-check-disk-room = room on the disk
doctor-check-disk-file-system = file system
doctor-check-inference = models
doctor-check-inference-device = device of the models
doctor-check-profile-device = device of the profile
doctor-check-inference-speed = search for plates
doctor-check-load = load of the models
doctor-check-capacity = cameras
doctor-check-clock-ntp = who keeps the clock
doctor-check-clock-offset = clock
doctor-check-sealing = sealing
doctor-check-hotlist-at-rest = hotlist at rest
doctor-check-terms = the company's terms
doctor-check-certificate = certificate
doctor-check-dns = names
doctor-check-broker = broker
doctor-check-uplink = uplink
doctor-check-cameras = cameras
doctor-check-camera = camera { $camera }
doctor-check-camera-rate = { $camera }: frames
doctor-check-camera-format = { $camera }: picture
doctor-check-camera-drops = { $camera }: lost frames
doctor-check-camera-first-frame = { $camera }: first picture
doctor-check-camera-size = { $camera }: size of the picture

doctor-not-enrolled = This box has no certificate yet: enrol it with `edge-agent enroll TOKEN`.
doctor-not-enrolled-skipped = Not looked at: it needs the certificate. Enrol the box, then run the doctor again.
doctor-identity-bad = The identity cannot be used ({ $reason }). Enrol the box again.
doctor-agent-not-running = The agent does not run: `systemctl start atalaya-agent`, then `journalctl -u atalaya-agent` if it does not stay.
doctor-timed-out = No answer within { $seconds } s. Run the doctor again; if it stays so, what it looks at hangs.
doctor-could-not-look = Could not be looked at: { $reason }
doctor-profile-foreign = Profile { $profile } is for { $wanted }. Name the right one in the settings (`profile`); `edge-agent profiles list` shows them.
doctor-cpu-features-missing = The processor lacks { $features }: models would crawl. In a virtual machine pass the host's processor through; else use other hardware.
doctor-cores-few = The profile expects { $wanted } cores. Name a smaller profile, or run `edge-agent tune`.
doctor-ram-too-small = The agent does not fit. Fit { $wanted_mb } MB of memory.
doctor-ram-small = The profile expects { $wanted_mb } MB. Fit more memory, or name a smaller profile.
doctor-swap-on = Memory with plates could reach the disk: switch swap off (`swapoff -a`, take its line out of /etc/fstab), or let the agent lock its memory (`lock_memory`, LimitMEMLOCK=infinity).
doctor-core-dumps-on = A crashed program may leave its memory on the disk. The agent forbids its own; switch the others off: `Storage=none` in /etc/systemd/coredump.conf and `kernel.core_pattern=core` with a core limit of 0.
doctor-temperature-unknown = This machine shows no temperature, so nothing is shed when it is hot. In a virtual machine that is normal; else load the sensor's module (`sensors-detect`).
doctor-temperature-high = At { $limit_c } °C the box looks less often. Free the vents, take it out of the sun, clean the fan.
doctor-temperature-too-high = Far too hot (limit { $limit_c } °C): switch it off and let it cool. Free the vents, change the fan or the cabinet.
doctor-disk-full = { $path } needs { $wanted_mb } MB free. Remove what is not ours, or fit a larger disk.
doctor-disk-unwritable = Nothing can be written to { $path } ({ $reason }). Run the doctor as the service's user (`sudo -u atalaya-agent`); if it stays so, check the disk (`dmesg`).
doctor-file-system-unfit = { $path } lies on { $system }, which forgets, or lets others read. Put data_dir on a local ext4, xfs, btrfs or f2fs.
doctor-file-system-unknown = { $path } lies on { $system }, which nobody has tried. A local ext4, xfs, btrfs or f2fs is known to be good.
doctor-disk-slow = A write to { $path } takes too long: a worn card or disk. Replace it before it fails.
doctor-device-missing = The settings ask for { $device }; there is { $have }. Install the device's driver, or run `edge-agent tune`, which writes what this box has.
doctor-device-unused = This box has { $device } and the settings do not use it. Run `edge-agent tune`.
doctor-device-fallback = { $device } is missing, for which this profile is made. Without it the box carries { $cameras ->
    [one] { $cameras } camera
   *[other] { $cameras } cameras
}. Install its driver.
doctor-inference-slow = The profile has { $wanted_ms } ms. See that nothing else runs on this box and that it is not hot; then run `edge-agent tune`.
doctor-load-too-high = The cameras ask for { $percent } % of what the models can do: frames are dropped. Run `edge-agent tune`, or take a camera away.
doctor-load-high = The cameras ask for { $percent } % of what the models can do: little is left for a hot afternoon. Run `edge-agent tune`.
doctor-frames-dropped = { $percent } % of the frames that were due were dropped since the agent's start. Run `edge-agent tune`, or take a camera away.
doctor-capacity-exceeded = The profile allows { $cameras } cameras with { $frames_per_s } frames a second each, because of the heat. Run `edge-agent tune`.
doctor-ntp-unsynchronized = { $service } has no time yet. See that UDP port 123 is open to the time servers: `edge-agent network test`.
doctor-ntp-unknown = Nobody is known to keep the clock. Install chrony (`apt install chrony`): without it the clock drifts and certificates stop holding.
doctor-clock-wrong = The clock is { $seconds } s off: certificates and hits are not believed. Set it (`timedatectl set-time`), then install chrony; if it comes back wrong after a power cut, replace the clock's battery.
doctor-clock-off = The clock is { $seconds } s off. See that chrony or systemd-timesyncd runs and reaches its servers.
doctor-dns-failed = Nobody knows { $host }. Check the name server: `edge-agent network show`.
doctor-broker-refused = { $where } does not take this box ({ $reason }). No answer: check cable, address, and that the port is open. Refused: ask the command centre whether the box is revoked.
doctor-uplink-slow = Hits pass at once, pictures take long. From { $good_kbit_s } kbit/s on it is good: better antenna place, other provider, or cable.
doctor-uplink-too-slow = Too slow for pictures (at least { $least_kbit_s } kbit/s). Move the antenna, check the signal (`edge-agent network show`), or change the provider.
doctor-uplink-undated = The command centre's certificate does not hold today. If the clock is wrong (see below), mend that; if it is right, tell the command centre that its certificate has run out.
doctor-certificate-not-yet = { $name } does not hold yet: the clock is wrong, or the command centre's is.
doctor-certificate-expired = { $name } ended on { $date }. Run `edge-agent identity renew`; if that fails, enrol again.
doctor-certificate-late = { $name } ends on { $date } and should have been renewed by now. See `edge-agent status`, then `edge-agent identity renew`.
doctor-ca-late = { $name }, of the command centre, ends on { $date }. Tell the command centre.
doctor-sealing-none = Nothing was sealed on this box yet. It is at the first camera with a password.
doctor-sealing-file = The key that seals passwords lies in a file: who takes the disk has it. A TPM 2.0 (switch it on in the firmware: fTPM, PTT) holds it better.
doctor-hotlist-file = The hotlist lies on the disk under a key that lies there too. It is the operator's accepted risk; a TPM 2.0 ends it.
doctor-camera-dead = No picture: { $fault }
doctor-camera-slow = { $got } of { $wanted } frames a second come. Set the camera's frame rate, check its cable and the switch.
doctor-camera-large = The profile reckons with { $want } pixels at most; larger pictures cost decoding. Set the camera's main stream to 1920x1080.
doctor-no-cameras = No camera is set up: `edge-agent cameras discover`, then `edge-agent cameras add`.
