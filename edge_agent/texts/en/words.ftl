# Words that several commands share.
verdict-pass = pass
verdict-warn = warn
verdict-fail = fail
cameras = { $count ->
    [one] { $count } camera
   *[other] { $count } cameras
}
