# `edge-agent panic`
panic-key = Key of { $button }: { $key }
panic-key-once = Put it into the button now: it is not shown again. docs/cameras.md says how a button signs.
panic-removed = { $button } is removed: its presses are refused from now on.
panic-none = No button has a key. Make one: edge-agent panic add BUTTON
panic-column-button = button
panic-stored = The alarm is stored on this box (test of { $button }). The command centre lists it as panic_test.
panic-refused = The box refuses the press of { $button }: is this its key, and did the agent begin anew after it was made?
panic-unheard = Nobody answers at { $url }: set panic.http_port in the settings, and start the agent.
panic-not-stored = The box could not store the alarm: is its disk full?
panic-forged = Something answers at { $url } that does not know the key of { $button }: it is not this box.
panic-off = Presses are not heard over the network: panic.http_port is 0 in the settings.
