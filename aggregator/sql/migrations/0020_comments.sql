-- What every table and column is, in the database itself: docs/data-dictionary.md is written from this
-- (scripts/data_dictionary.py), and a test finds what a later migration adds without a word. Columns of one name mean one
-- thing; where a table means something else by one, that is said first. What has a comment already keeps it.

COMMENT ON TABLE city IS 'Cities: each the owner of its points and their command centre.';
COMMENT ON TABLE partner IS 'Private companies that connect cameras of their own under signed terms.';
COMMENT ON TABLE point IS 'Street points: where a box stands.';
COMMENT ON TABLE camera IS 'Cameras of the points.';
COMMENT ON TABLE device IS 'Boxes, by the identity under which they speak.';
COMMENT ON TABLE device_key IS 'Keys of boxes, for good: what one signed years ago verifies against the key of its day.';
COMMENT ON TABLE device_certificate IS 'Every certificate that a key ever had.';
COMMENT ON TABLE device_past_place IS 'Where a box stood before it was moved: what it said there is taken when it comes late.';
COMMENT ON TABLE invitation IS 'Who may enrol as which box, until when. Of a token''s secret there is only a public key.';

COMMENT ON TABLE delivery IS 'The ledger: one line for each message taken, which decides what is new.';
COMMENT ON TABLE delivery_range IS 'The ledger''s old lines, folded to the hashes of a stretch of messages.';
COMMENT ON TABLE equivocation IS 'One place in a box''s order with two messages: two boxes speak as one. The second was refused.';
COMMENT ON TABLE refused IS 'What was not taken, and why. Its bytes are sealed to the evidence authority, for a week at most.';
COMMENT ON TABLE hit IS 'Reads that match an entry of the hotlist. None is a fact until a person confirms it.';
COMMENT ON TABLE hit_amendment IS 'What later frames changed of a hit, or that the box took it back. May come before its hit.';
COMMENT ON TABLE hit_match IS 'The entries that a hit, or an amendment of one, matched.';
COMMENT ON TABLE alarm IS 'Analytic events of cameras and presses of panic buttons, their starts and their ends.';
COMMENT ON TABLE report IS 'Health of a box, minute by minute.';
COMMENT ON TABLE camera_minute IS 'Counts of a camera, minute by minute, in a partition for each day (UTC).';
COMMENT ON TABLE camera_condition IS 'Cameras whose picture went bad, or good again.';
COMMENT ON TABLE acceptance IS 'How a technician left a point, and how it compared with that later.';
COMMENT ON TABLE acceptance_check IS 'The checks of an acceptance.';
COMMENT ON TABLE settings_result IS 'What a box made of a settings document.';
COMMENT ON TABLE evidence IS 'Names the picture of a hit and the hashes of its bytes. May come before the hit.';
COMMENT ON TABLE evidence_unavailable IS 'There is no picture of a hit, and why.';
COMMENT ON TABLE piece IS 'Parts of pictures on their way, here until the whole is in the store.';
COMMENT ON TABLE picture IS 'What became of a picture''s bytes.';
COMMENT ON TABLE dropped IS 'Messages of boxes that say what they gave up for want of room.';
COMMENT ON TABLE tombstone IS 'What is left of a message that a box gave up.';
COMMENT ON TABLE presence IS 'Which boxes are on line, since when.';

COMMENT ON TABLE chain IS 'What the chain auditor knows of the order of a box''s messages.';
COMMENT ON TABLE chain_cursor IS 'How far the chain auditor has read the ledger.';
COMMENT ON TABLE chain_dropped IS 'Messages that the auditor knows only by their tombstones.';
COMMENT ON TABLE gap IS 'Messages that are missing, and when they are asked for next.';

COMMENT ON TABLE officer IS 'Keys under which officers signed, for good. Who may sign today stands in the trust bundle.';
COMMENT ON TABLE hotlist_import IS 'Files of plates that wait for an officer to propose them.';
COMMENT ON TABLE hotlist_draft IS 'The lines of such a file.';
COMMENT ON TABLE hotlist_batch IS 'Batches of entries, as officers signed them.';
COMMENT ON TABLE hotlist_signature IS 'Officers'' signatures under batches; two of different officers make one valid.';
COMMENT ON TABLE hotlist_entry IS 'Wanted vehicles. Boxes get the plate, reason class, scope and end, never the case.';
COMMENT ON TABLE hotlist_withdrawal IS 'Withdrawals of entries, each signed by one officer.';
COMMENT ON TABLE hotlist_withdrawn IS 'Which entries a withdrawal takes out.';
COMMENT ON TABLE hotlist_artefact IS 'Bytes that boxes fetch by their hash.';
COMMENT ON TABLE hotlist_snapshot IS 'Hotlists as they were made for boxes, version by version.';

COMMENT ON TABLE audit IS 'Who looked at what and why: a chain of hashes, only ever added to. Never a plate.';
COMMENT ON TABLE legal_hold IS 'What must stay, whatever retention says.';
COMMENT ON TABLE file_to_remove IS 'Files whose rows are gone, until they are gone too.';
COMMENT ON TABLE retention_run IS 'When retention last ran; one row.';

COMMENT ON TABLE alert IS 'Alerts, as they stand. No plates.';
COMMENT ON TABLE alert_sighting IS 'The events that an alert is made of; each is in one alert.';
COMMENT ON TABLE alert_span IS 'Stretches of time in which events of one key belong to an alert.';
COMMENT ON TABLE alert_history IS 'What happened to alerts, line by line, only ever added to.';
COMMENT ON TABLE alert_due IS 'Events that are to become alerts, or to change one.';
COMMENT ON TABLE city_reader IS 'Database roles that may read a city.';
COMMENT ON VIEW alert_decided IS 'Hits on which a person decided.';
COMMENT ON VIEW alert_precision IS 'Errors out of n decided hits, by camera, list, reason, reader and quality.';
COMMENT ON TABLE webhook IS 'Addresses that are told of what happens to alerts. Their secrets lie in files.';
COMMENT ON TABLE webhook_delivery IS 'What a webhook is still to be told, and what was given up.';

COMMENT ON TABLE rollout IS 'Changes of what boxes run.';
COMMENT ON TABLE rollout_profile IS 'The profiles of a rollout, as they were when it began.';
COMMENT ON TABLE rollout_box IS 'The boxes of a rollout.';
COMMENT ON TABLE settings_document IS 'Every signed document that a box was told to run.';
COMMENT ON TABLE schema_migration IS 'Steps of this schema that were applied.';

-- What a table means by a name, where others mean something else by it.
COMMENT ON COLUMN partner.name IS 'The company''s name';
COMMENT ON COLUMN partner.terms IS 'Which signed terms it connects under';
COMMENT ON COLUMN partner.signed_on IS 'When they were signed';
COMMENT ON COLUMN point.time_zone IS 'Time zone, by its IANA name; none: the city''s';
COMMENT ON COLUMN officer.name IS 'The officer, as the trust bundle names him';
COMMENT ON COLUMN schema_migration.name IS 'The step''s name';
COMMENT ON COLUMN schema_migration.number IS 'The step''s number';
COMMENT ON COLUMN schema_migration.sha256 IS 'SHA-256 of the step''s text';
COMMENT ON COLUMN device.state IS 'active or revoked';
COMMENT ON COLUMN device_certificate.serial IS 'The certificate''s serial number, lower-case hexadecimal';
COMMENT ON COLUMN device_past_place.since IS 'Since when it stood there';
COMMENT ON COLUMN device_past_place.until IS 'Until when it stood there';
COMMENT ON COLUMN invitation.spki IS 'Public key made from the token''s secret';
COMMENT ON COLUMN invitation.expires_at IS 'Until when it holds';
COMMENT ON COLUMN delivery.kind IS 'Kind of message: 1 hit, 2 amendment, 3 alarm, 4 report, 5 evidence, 6 piece, '
    '7 no picture, 8 dropped, 9 camera condition, 10 acceptance, 11 settings result';
COMMENT ON COLUMN tombstone.kind IS 'Kind of message, numbered as in the ledger';
COMMENT ON COLUMN tombstone.told_by IS 'Hash of the message that says so';
COMMENT ON COLUMN delivery_range.first IS 'First sequence number';
COMMENT ON COLUMN delivery_range.last IS 'Last sequence number';
COMMENT ON COLUMN delivery_range.first_at IS 'When the first of them came';
COMMENT ON COLUMN delivery_range.last_at IS 'When the last of them came';
COMMENT ON COLUMN gap.first IS 'First sequence number that is missing';
COMMENT ON COLUMN gap.last IS 'Last sequence number that is missing';
COMMENT ON COLUMN refused.reason IS 'Why: 1 too large, 2 bad form, 3 version, 4 unknown key, 5 revoked key, 6 signature, '
    '7 algorithm, 8 topic, 9 place, 10 kind, 11 equivocation, 12 busy, 13 internal';
COMMENT ON COLUMN refused.bytes IS 'How long it was, in bytes';
COMMENT ON COLUMN refused.sealed IS 'Its bytes, sealed; gone after a week at most';
COMMENT ON COLUMN refused.first_at IS 'When it came first';
COMMENT ON COLUMN refused.last_at IS 'When it came last';
COMMENT ON COLUMN refused.sha256 IS 'SHA-256 of its bytes';
COMMENT ON COLUMN refused.key_id IS 'The key that it names, where it names one';
COMMENT ON COLUMN refused.algorithm IS 'The algorithm that it names, by its COSE number';
COMMENT ON COLUMN hit.plate IS 'The plate, by the vote over the passage';
COMMENT ON COLUMN hit_amendment.plate IS 'The plate, by the vote over more frames; none: withdrawn';
COMMENT ON COLUMN hit_amendment.captured_at IS 'When the better frame was taken, by the box''s clock';
COMMENT ON COLUMN hit_match.quality IS '1 exact, 2 possible';
COMMENT ON COLUMN hit_match.reason IS 'Reason class of the entry';
COMMENT ON COLUMN hit_match.envelope_hash IS 'SHA-256 of the hit''s or the amendment''s envelope';
COMMENT ON COLUMN report.hotlist_version IS 'The hotlist that the box matches with; none: it has none';
COMMENT ON COLUMN camera_minute.state IS 'The stream when the report was made: 1 live, 2 connecting, 3 stalled, 4 ended';
COMMENT ON COLUMN camera_minute.counted_at IS 'The minute (UTC): by the box''s clock if that was right, else when it came';
COMMENT ON COLUMN camera_minute.dropped IS 'Frames given up because the box could not keep up';
COMMENT ON COLUMN camera_condition.condition IS 'What is wrong: 1 blocked, 2 moved, 3 blurred, 4 dark, 5 frozen';
COMMENT ON COLUMN acceptance.checks IS 'How many checks were made';
COMMENT ON COLUMN acceptance.profile IS 'The firmware profile that the box was checked against';
COMMENT ON COLUMN acceptance_check.number IS 'Which check, from 1';
COMMENT ON COLUMN acceptance_check.envelope_hash IS 'The acceptance: SHA-256 of its envelope';
COMMENT ON COLUMN settings_result.state IS '1 kept, 2 rolled back, 3 refused';
COMMENT ON COLUMN settings_result.number IS 'The settings document''s number';
COMMENT ON COLUMN settings_result.reason IS 'Why, in a word, such as healthy or bad_signature';
COMMENT ON COLUMN evidence_unavailable.reason IS 'Why, in a word, such as redaction_failed or disk_full';
COMMENT ON COLUMN dropped.reason IS 'Why, in a word';
COMMENT ON COLUMN picture.state IS 'stored, wrong_hash, contradictory, too_large or purged';
COMMENT ON COLUMN picture.sha256 IS 'SHA-256 of the picture''s bytes, which is its file''s name';
COMMENT ON COLUMN piece.sha256 IS 'SHA-256 of the whole picture';
COMMENT ON COLUMN piece.data IS 'The part''s bytes';
COMMENT ON COLUMN presence.since IS 'Since when, by our clock';
COMMENT ON COLUMN presence.outbox IS 'The outbox in which it counts its connections; zeros: not told';
COMMENT ON COLUMN presence.envelope IS 'The signed bytes of its last birth or will';
COMMENT ON COLUMN chain.updated_at IS 'When the auditor last took something in';
COMMENT ON COLUMN chain_dropped.envelope_hash IS 'SHA-256 of the envelope given up; empty: two tombstones contradict each other';
COMMENT ON COLUMN hotlist_batch.state IS 'proposed, approved or retired';
COMMENT ON COLUMN hotlist_draft.plate IS 'The wanted plate';
COMMENT ON COLUMN hotlist_entry.plate IS 'The wanted plate';
COMMENT ON COLUMN hotlist_draft.reason IS 'Reason class, such as stolen-vehicle';
COMMENT ON COLUMN hotlist_entry.reason IS 'Reason class, such as stolen-vehicle';
COMMENT ON COLUMN hotlist_draft.line IS 'The line''s number in the file';
COMMENT ON COLUMN hotlist_import.refused IS 'Lines of the file that were not taken';
COMMENT ON COLUMN hotlist_artefact.bytes IS 'The artefact';
COMMENT ON COLUMN hotlist_artefact.sha256 IS 'SHA-256 of its bytes';
COMMENT ON COLUMN hotlist_snapshot.sha256 IS 'SHA-256 of its artefact, which may have been dropped since';
COMMENT ON COLUMN hotlist_snapshot.entries IS 'How many entries it has';
COMMENT ON COLUMN hotlist_withdrawal.envelope IS 'The signed bytes of the withdrawal';
COMMENT ON COLUMN audit.at IS 'When it was done, by our clock';
COMMENT ON COLUMN audit.number IS 'The row''s number, from 1 without gaps';
COMMENT ON COLUMN audit.hash IS 'SHA-256 over the row and the hash before it';
COMMENT ON COLUMN audit.previous_hash IS 'The hash of the row before; zeros: the first';
COMMENT ON COLUMN legal_hold.device_id IS 'All that this box says is held';
COMMENT ON COLUMN legal_hold.hit_hash IS 'This hit and all that belongs to it is held';
COMMENT ON COLUMN legal_hold.entry_id IS 'Every hit of this entry is held';
COMMENT ON COLUMN legal_hold.point_id IS 'What a camera of this point saw is held';
COMMENT ON COLUMN legal_hold.camera_id IS 'That camera';
COMMENT ON COLUMN legal_hold.from_at IS 'Since when what it saw is held';
COMMENT ON COLUMN legal_hold.to_at IS 'Up to when, not included';
COMMENT ON COLUMN file_to_remove.sha256 IS 'SHA-256 of the picture, which is the file''s name';
COMMENT ON COLUMN alert.point_id IS 'Where it began';
COMMENT ON COLUMN alert.kind IS 'hit, panic, alarm or report';
COMMENT ON COLUMN alert.state IS 'new, seen, confirmed, rejected, dispatched, on_site, closed or merged';
COMMENT ON COLUMN alert_sighting.kind IS 'hit, panic, alarm or report';
COMMENT ON COLUMN alert_sighting.quality IS '1 exact, 2 possible, as it is now; none: withdrawn, or no hit';
COMMENT ON COLUMN alert_sighting.entries IS 'The entries that it matches; none once its plate is erased';
COMMENT ON COLUMN alert_decided.quality IS '1 exact, 2 possible; none: withdrawn';
COMMENT ON COLUMN alert_history.state IS 'How the alert stood after it';
COMMENT ON COLUMN alert_history.at IS 'When it happened';
COMMENT ON COLUMN alert_history.event IS 'The event that it is about, by its envelope''s hash';
COMMENT ON COLUMN alert_due.event IS 'The hit or alarm, by its envelope''s hash';
COMMENT ON COLUMN alert_due.what IS 'hit (also of what belongs to one) or alarm';
COMMENT ON COLUMN alert_due.number IS 'Which comes first';
COMMENT ON COLUMN alert_span.first_at IS 'Since when';
COMMENT ON COLUMN alert_span.last_at IS 'Up to when';
COMMENT ON COLUMN webhook.city_id IS 'Only of this city; none: of all';
COMMENT ON COLUMN webhook.next_try_at IS 'Before this the receiver is left alone';
COMMENT ON COLUMN webhook_delivery.number IS 'The line of the alert''s history';
COMMENT ON COLUMN webhook_delivery.next_try_at IS 'When it is tried next';
COMMENT ON COLUMN rollout.number IS 'Which comes first';
COMMENT ON COLUMN rollout.profile IS 'The profile that boxes get; none: each keeps its own';
COMMENT ON COLUMN rollout.trial_s IS 'How long boxes try it, in seconds; none: as their profile says';
COMMENT ON COLUMN rollout_profile.trial_s IS 'How long boxes try it, in seconds';
COMMENT ON COLUMN rollout_profile.text IS 'The profile''s TOML';
COMMENT ON COLUMN settings_document.number IS 'The document''s number; a box''s numbers only rise';
COMMENT ON COLUMN settings_document.sha256 IS 'SHA-256 of its envelope';
COMMENT ON COLUMN settings_document.signed_at IS 'When it was signed';
COMMENT ON COLUMN settings_document.rollout_id IS 'The rollout that it came of; undo- before one''s id: what its end brought back';

DO $$
DECLARE
    said record;
BEGIN
    FOR said IN
        SELECT nspname, relname, attname, about
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
        JOIN (VALUES
            ('aborted_at', 'When it was ended'),
            ('aborted_by', 'Who ended it'),
            ('accepted', 'Lines of the file that were taken'),
            ('accepted_at', 'When the technician accepted the point'),
            ('act', 'What was done: ack, confirm, reject, dispatch, arrive, close, raise, add, amend, upgrade, ...'),
            ('action', 'What was done, such as hit.show'),
            ('actor', 'Who did it: os:NAME, or a part of the service'),
            ('acts', 'Which acts it is told of; none: all'),
            ('added_at', 'When it was added'),
            ('added_by', 'Who added it'),
            ('after_jpeg', 'Redacted thumbnail of what is wrong'),
            ('alarm', 'What the alarm is, such as panic_button or line_crossing'),
            ('alert_id', 'The alerts number'),
            ('algorithm', 'How it signs, by its COSE number: -19 Ed25519, -9 ESP256'),
            ('applied_at', 'When it was applied'),
            ('approved_at', 'When it was approved'),
            ('approved_by', 'Who approved it'),
            ('asked', 'How often it was asked for'),
            ('at', 'The buckets first moment'),
            ('at_byte', 'Where in the picture it belongs'),
            ('attempts', 'How often it was tried'),
            ('batch_id', 'The batch'),
            ('before_jpeg', 'Redacted thumbnail from before'),
            ('body', 'The message, JSON'),
            ('breaks', 'Sequence numbers whose message names another predecessor than there is'),
            ('brightness_after', 'Brightness when it was told, per mille'),
            ('brightness_before', 'Brightness before it went bad, per mille'),
            ('by_what', 'What is counted by: camera, list, reason, reader or quality'),
            ('camera', 'Camera, of its point'),
            ('camera_id', 'Camera, of its point'),
            ('cameras', 'Cameras that reported'),
            ('cancelled_at', 'When it was cancelled'),
            ('cancelled_by', 'Who cancelled it'),
            ('captured_at', 'When the frame was taken, by the boxs clock'),
            ('case_number', 'The case, which no box gets'),
            ('case_salt', 'Salt of the hash that binds the case'),
            ('certificate_pem', 'Its certificate'),
            ('certified_at', 'When the key got its certificate'),
            ('changed_at', 'When it last changed'),
            ('check_name', 'What was checked'),
            ('cities', 'Cities it may ask about; none: every one'),
            ('city', 'City'),
            ('city_id', 'City'),
            ('claimed_at', 'When a key claimed it'),
            ('clock_offset_ms', 'How far the boxs clock is off, in milliseconds'),
            ('confidence', 'How sure the reading is, per mille'),
            ('connection', 'Number of the connection; the box counts them'),
            ('contrast_after', 'Contrast when it was told, per mille'),
            ('contrast_before', 'Contrast before it went bad, per mille'),
            ('counted_at', 'When it happened: by the boxs clock if that was right, else when it came'),
            ('coverage_ms', 'How long cameras were seen to be live, in milliseconds, each an hour at most'),
            ('coverage_s', 'How long cameras were seen to be live, in seconds, each no longer than the bucket: '
                           'where that is short, counts are of less than all that passed'),
            ('cpu_permille', 'Share of the processors in use, per mille'),
            ('created_at', 'When it was made; of a message, by the boxs clock'),
            ('dead_at', 'When it was given up'),
            ('dead_letters', 'Messages that the box keeps because they were refused for good'),
            ('decided_at', 'When a person confirmed, rejected or corrected'),
            ('decided_by', 'Who decided'),
            ('decode_errors', 'Frames that could not be decoded'),
            ('delivered', 'How many messages it took'),
            ('detect_us', 'Mean time to find plates in a frame, in microseconds'),
            ('device_id', 'The identity under which the box speaks'),
            ('device_time', 'When, by the boxs clock'),
            ('disk_free_mb', 'Free disk of the box, in megabytes'),
            ('dropped', 'Frames given up because the box could not keep up'),
            ('edges_after', 'Share of edges in the picture when it was told, per mille'),
            ('edges_before', 'Share of edges in the picture before it went bad, per mille'),
            ('ended_at', 'When the alarm was over; its alert is not'),
            ('entry_id', 'Entry of the hotlist'),
            ('envelope', 'The bytes as they came, with the devices own signature'),
            ('envelope_hash', 'SHA-256 of the messages envelope, which names it everywhere'),
            ('epoch', 'How often the boxs outbox was started'),
            ('erased_at', 'When its plate was erased'),
            ('errors', 'How many of them were wrong'),
            ('event', 'The hit, alarm or report, by its hash'),
            ('exact', 'How many of its hits are exact'),
            ('expires_at', 'When it ends'),
            ('faces', 'Faces in the frames that were sampled for it; nobody is recognised'),
            ('faces_filled', 'Faces that were covered'),
            ('failures', 'How many tries failed in a row'),
            ('file_sha256', 'SHA-256 of the file'),
            ('first_at', 'When what it tells of happened first'),
            ('first_hash', 'The envelope that was taken'),
            ('forks', 'Sequence numbers that two messages claim'),
            ('format', 'The plate format that the text fits; empty: none'),
            ('frame_height', 'Height of the frame, in pixels'),
            ('frame_width', 'Width of the frame, in pixels'),
            ('frames_face_counted', 'Frames in which faces were counted'),
            ('frames_in', 'Frames that came from the camera'),
            ('frames_processed', 'Frames that were looked at'),
            ('from_at', 'Since when it counts'),
            ('happened_at', 'When it happened'),
            ('hash', 'SHA-256 of the token'),
            ('hashes', 'SHA-256 of each of them, one after the other'),
            ('head', 'Everything up to this sequence number is accounted for'),
            ('heading_deg', 'Where it looks, in degrees clockwise from north'),
            ('highest', 'The highest sequence number known'),
            ('hit_hash', 'The hit: SHA-256 of its envelope'),
            ('hits', 'Vehicles whose plate matched the hotlist'),
            ('hold_id', 'The holds number'),
            ('hotlist_entries', 'Entries of the hotlist that the box matches with'),
            ('hotlist_expires_at', 'When that hotlist ends'),
            ('hotlist_version', 'The hotlist that it was matched with'),
            ('hour', 'The hours first moment (UTC)'),
            ('hours_from', 'Hours before this are gone, and summed no more'),
            ('import_id', 'The file'),
            ('imported_at', 'When it was taken in'),
            ('interval_ms', 'How long the report counts, in milliseconds'),
            ('invitation_id', 'The invitations id, part of its token'),
            ('invited_at', 'When it was made'),
            ('invited_by', 'Who made it'),
            ('is_active', 'Whether it begins; else it is over'),
            ('is_clock_suspect', 'Whether the boxs clock was wrong'),
            ('is_drift', 'Whether it is a later comparison'),
            ('is_erased', 'Whether its plate was erased'),
            ('is_from_lookback', 'Whether it was seen before its entry came'),
            ('is_historical', 'Whether it was old when it came'),
            ('is_online', 'Whether it is on line'),
            ('is_private', 'Whether its address may be one of a private network'),
            ('is_true', 'The last word of a person who looked: confirmed or rejected'),
            ('is_withdrawal', 'Whether the box takes the hit back'),
            ('issued_at', 'When it was issued'),
            ('key', 'What holds them together: an entry of the city, an alarm'),
            ('key_id', 'Id of the key: the first 16 bytes of its SHA-256'),
            ('kind', 'Kind'),
            ('lane', 'The lane it watches'),
            ('last_at', 'When what it tells of happened last'),
            ('last_delivered_at', 'When it last took one'),
            ('last_used_at', 'When it was last used'),
            ('latitude', 'Degrees north'),
            ('list_version', 'The version; a citys only rise'),
            ('lists', 'Batches of the entries that it matches'),
            ('live_ms', 'How long the camera was seen to be live, in milliseconds'),
            ('live_s', 'How long cameras were seen to be live, in seconds'),
            ('local_date', 'The day, by the calendar of the point'),
            ('longitude', 'Degrees east'),
            ('lookback_since', 'Since when the box remembers reads for new entries'),
            ('looks', 'How many looks voted'),
            ('memory_mb', 'Memory that the agent uses, in megabytes'),
            ('merged_into', 'The alert that it became part of'),
            ('minutes', 'Reports that are added up'),
            ('n', 'How many hits were decided on'),
            ('name', 'Name'),
            ('needs_approval', 'Whether a person must approve the key first'),
            ('next_ask_at', 'When it is asked for next; none: given up, lost until it comes'),
            ('next_try_at', 'When it is tried next'),
            ('not_after', 'When the certificate ends'),
            ('note', 'A few words on it, never a plate'),
            ('noted_at', 'When its rows went'),
            ('number', 'The lines number; numbers rise'),
            ('observed', 'The plate as the best single look has it'),
            ('oldest_unreceipted_at', 'When the oldest message was written that waits for its receipt'),
            ('only_row', 'Always true: there is one row'),
            ('opened_at', 'When it was found missing'),
            ('original_sha256', 'SHA-256 of what the seal holds'),
            ('other_hash', 'The envelope that was refused'),
            ('other_id', 'The other alert of a merger'),
            ('outbox', 'The boxs outbox: 16 random bytes, new when a box is imaged'),
            ('outbox_bytes', 'Bytes that wait in the box to be sent'),
            ('outbox_rows', 'Messages that wait in the box to be sent'),
            ('outcome', 'How it ended, from a closed list'),
            ('partner_id', 'The private company whose cameras they are; none: the citys own'),
            ('payload', 'The signed bytes'),
            ('percent', 'What share of them'),
            ('placed_at', 'When it was placed'),
            ('placed_by', 'Who placed it'),
            ('plates_filled', 'Plates that were covered'),
            ('point', 'Street point'),
            ('point_id', 'Street point'),
            ('possible', 'How many of its hits are possible, which is no ground to act'),
            ('previous_hash', 'SHA-256 of the envelope before it in the boxs order'),
            ('problem', 'What went wrong last'),
            ('profile', 'The firmware profile of the box'),
            ('protected', 'The signed header'),
            ('raised_at', 'When the alert was raised'),
            ('ran_at', 'When it last ran, by our clock'),
            ('read_upto', 'The transaction up to which the ledger was read'),
            ('read_us', 'Mean time to read a plate, in microseconds'),
            ('reader', 'The model that read the plate'),
            ('reads', 'Vehicles whose plate was read, hits among them'),
            ('reason', 'Why'),
            ('reasons', 'Reason classes of the entries that it matches'),
            ('received_at', 'When it came, by our clock'),
            ('reconnects', 'Times the stream was connected again'),
            ('redacted_bytes', 'Length of the redacted picture, in bytes'),
            ('redacted_sha256', 'SHA-256 of the redacted picture'),
            ('redeliveries', 'How often it came again'),
            ('refused_downlinks', 'Messages to the box that it refused'),
            ('registered_at', 'When it was registered'),
            ('released_at', 'When it was released; none: in force'),
            ('released_by', 'Who released it'),
            ('renewed_ms', 'Time in the last renewal request that was granted, in milliseconds since 1970'),
            ('replaces', 'The broken box whose point it took over'),
            ('report_hash', 'The report: SHA-256 of its envelope'),
            ('reported_ms', 'How long reports count, in milliseconds'),
            ('reported_s', 'How long reports count, in seconds'),
            ('retired_at', 'When it was retired'),
            ('revoked_at', 'When it was revoked; none: it holds'),
            ('revoked_by', 'Who revoked it'),
            ('revoked_reason', 'Why it was revoked'),
            ('ring', 'Which ring: 0 goes first'),
            ('role_name', 'The database role'),
            ('rollout_id', 'The rollout'),
            ('runs', 'Stretches without a gap: first, last, the hashes at their ends'),
            ('sampled_out', 'Frames left out by plan'),
            ('scope', 'The cities where it is searched for; none: the whole region'),
            ('scopes', 'What it opens'),
            ('sealed_bytes', 'Length of the sealed original, in bytes'),
            ('sealed_sha256', 'SHA-256 of the sealed original'),
            ('sealed_to', 'Id of the key of the evidence authority that it is sealed to'),
            ('seen_at', 'When the key signed first'),
            ('sequence', 'Place in the order of the boxs messages, across restarts'),
            ('serial', 'Serial number of its certificate, lower-case hexadecimal'),
            ('settings_toml', 'Settings that go along, TOML'),
            ('settled_at', 'When it was decided'),
            ('sharpness_after', 'Sharpness of the picture when it was told'),
            ('sharpness_before', 'Sharpness of the picture before it went bad'),
            ('shift_px_after', 'How far the picture had moved when it was told, in pixels'),
            ('shift_px_before', 'How far the picture had moved before it went bad, in pixels'),
            ('signature', 'The signature'),
            ('signed_at', 'When it was signed'),
            ('since_at', 'Since when the picture is so'),
            ('size_bytes', 'Length, in bytes'),
            ('spki', 'The public key (SubjectPublicKeyInfo, DER)'),
            ('stalls', 'Times the camera showed a standing picture'),
            ('started_at', 'When it began'),
            ('started_by', 'Who began it'),
            ('state', 'How it stands'),
            ('still_ms_after', 'How long the picture had not changed when it was told, in milliseconds'),
            ('still_ms_before', 'How long the picture had not changed before it went bad, in milliseconds'),
            ('stored_in', 'Transaction that stored it: the chain auditor reads by this'),
            ('subject', 'What it was done to, by id'),
            ('target', 'Which boxes, as it was asked for'),
            ('technician', 'Who accepted it'),
            ('temperature_mc', 'Temperature of the box, in thousandths of a degree Celsius'),
            ('time_zone', 'Time zone, by its IANA name'),
            ('times', 'How often it came'),
            ('to_at', 'Up to when it counts'),
            ('token_id', 'The tokens name'),
            ('tombstones', 'How many messages it gave up'),
            ('topic', 'The topic on which it came'),
            ('total_bytes', 'Length of the whole picture, in bytes'),
            ('track', 'Number of the vehicles passage at the camera, since the agent started'),
            ('trial_s', 'How long boxes try it, in seconds'),
            ('tries', 'How often it was tried'),
            ('trust_number', 'The trust bundle under which it was made'),
            ('unit', 'Who was sent'),
            ('unreadable', 'Vehicles whose plate was seen and not read'),
            ('until', 'The next days first moment'),
            ('uptime_s', 'Seconds since the agent started'),
            ('url', 'The address that is called'),
            ('value', 'What was found'),
            ('vehicles', 'Vehicles that passed: those read and those not'),
            ('verdict', '1 pass, 2 warn, 3 fail'),
            ('versions', 'Versions of what runs on the box'),
            ('waiting_since', 'Since when it waits'),
            ('was_right', 'Whether the read turned out right; none: nobody can tell'),
            ('webhook_id', 'The webhooks name'),
            ('what', 'Which camera, list, reason, reader or quality'),
            ('withdrawal_id', 'The withdrawal'),
            ('withdrawn', 'How many of its hits were withdrawn'),
            ('withdrawn_at', 'When it was withdrawn'),
            ('word', 'The alarms word, such as line_crossing'),
            ('x1', 'Left edge of the plate in the frame, in pixels'),
            ('x2', 'Right edge of the plate in the frame, in pixels'),
            ('y1', 'Upper edge of the plate in the frame, in pixels'),
            ('y2', 'Lower edge of the plate in the frame, in pixels')
        ) AS word (column_name, about) ON column_name = attname
        WHERE nspname IN ('public', 'ask') AND relkind IN ('r', 'p', 'v') AND NOT relispartition AND attnum > 0
          AND col_description(attrelid, attnum) IS NULL
    LOOP
        EXECUTE format('COMMENT ON COLUMN %I.%I.%I IS %L', said.nspname, said.relname, said.attname, said.about);
    END LOOP;
END
$$;

-- Tables and views that their own migrations say nothing of.
DO $$
DECLARE
    said record;
BEGIN
    FOR said IN
        SELECT nspname, relname, relkind, about
        FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
        JOIN (VALUES
            ('ask', 'minute', 'Counts of cameras by the minute, with the time that they cover.'),
            ('ask', 'hour', 'Counts of cameras by the hour (UTC), with the time that they cover.'),
            ('ask', 'day', 'Counts of cameras by the point''s own day, with the time that they cover.'),
            ('ask', 'city_hour', 'Counts of cities by the hour (UTC), with the time that they cover.'),
            ('public', 'camera_hour', 'Sums of a camera''s minutes by the hour (UTC).'),
            ('public', 'camera_hour_purged', 'What minutes that retention removed had added up to.'),
            ('public', 'camera_hour_now', 'Sums by the hour, exact at every moment: what is due is summed on the spot.'),
            ('public', 'city_hour', 'Sums of a city''s cameras by the hour (UTC).'),
            ('public', 'city_hour_now', 'Sums of cities by the hour, exact at every moment.'),
            ('public', 'camera_day', 'Sums of a camera''s hours by the point''s own day.'),
            ('public', 'camera_day_now', 'Sums by the day, exact at every moment.'),
            ('public', 'count_due', 'Hours of points that minutes came for since they were summed.'),
            ('public', 'count_horizon', 'Since when there are sums; one row.'),
            ('public', 'point_zone', 'The time zone of each point: its own, else its city''s.'),
            ('public', 'api_token', 'Tokens of the HTTP API; what is kept of one is its hash.')
        ) AS word (schema_name, table_name, about) ON schema_name = nspname AND table_name = relname
        WHERE obj_description(pg_class.oid, 'pg_class') IS NULL
    LOOP
        EXECUTE format('COMMENT ON %s %I.%I IS %L', CASE said.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END,
                       said.nspname, said.relname, said.about);
    END LOOP;
END
$$;
