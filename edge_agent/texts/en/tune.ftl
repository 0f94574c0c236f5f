# Tuning a box to what it can carry.
tune-begin = Measuring what decoding a frame costs ...
tune-measuring = Measuring { $setup } ...
tune-title-ways = Measured on this box
tune-title-settings = Settings for { $cameras ->
    [one] { $cameras } camera
   *[other] { $cameras } cameras
} under profile { $profile }
tune-column-way = device, precision, sets x threads, input
tune-column-rate = frames/s, all
tune-column-each = frames/s, each camera
tune-column-key = key
tune-column-was = was
tune-column-now = now
tune-column-why = why
tune-why-fastest = of the devices here that the profile names, the one that gives the cameras their frames
tune-why-precision = f32 is the reference; another one only where it is needed to get the frames
tune-why-threads = as measured; no more threads than the profile allows, because of the heat
tune-why-side = the full size: smaller ones lose far plates
tune-why-side-smaller = the full size would leave the cameras too few frames; far plates are lost
tune-why-profile = the profile's most, because of the heat; the box measured more
tune-why-measured = what is left after decoding ({ $decode_ms } ms a frame, 15 a second from each of { $cameras } cameras), a quarter kept free
tune-why-disk = no more than the profile's disk budget
tune-why-memory = no more than the profile's memory budget
tune-too-many = The profile allows { $most } cameras and there are { $cameras }: take some to another box.
tune-too-slow = A camera gets { $got } frames a second; below { $least } cars are missed. Take a camera away, see that nothing else runs here, or use a stronger box.
tune-dry = Nothing was written. Without --dry-run the settings are changed.
tune-written = Written to { $path }. Start the agent again: systemctl restart atalaya-agent
tune-signed = The region's signed settings are in force here. Of these keys only the cameras' are this box's own to change; --out FILE writes the others for the command centre to sign (`aggregator rollout start`).
