-- Notices for whoever asks: what a city was told of hits in others, and at a region what each of its cities was told. A row
-- is of the city that was told; no column holds a plate or an entry's id (migration 0017 has the rules of the schema).

CREATE INDEX notice_by_time ON notice (told_at);
CREATE INDEX notice_sent_by_time ON notice_sent (sent_at);

-- In a city the second part is empty, at a region the first.
CREATE VIEW ask.notice WITH (security_barrier) AS
SELECT notice, told_at, to_city::text AS city, why, reason, corridor,
       CASE WHEN is_over OR until_at <= now() THEN 'over' ELSE 'open' END AS state, city_id AS seen_city,
       point_id AS seen_point, camera_id AS seen_camera, captured_at, until_at, has_plate, encode(hit, 'hex') AS hit
FROM (
    SELECT notice_id AS notice, told_at, to_city, why, reason, corridor, false AS is_over, city_id, point_id, camera_id,
           captured_at, until_at, envelope IS NOT NULL AS has_plate, hit
    FROM notice
    UNION ALL
    SELECT NULL, sent_at, to_city, why, reason, corridor, is_over, city_id, point_id, camera_id, captured_at, until_at,
           has_plate, hit
    FROM notice_sent
) AS told
WHERE to_city = ANY ((SELECT ask.visible_cities())::text[]);

COMMENT ON VIEW ask.notice IS 'What cities were told of hits in others, without plates.';
COMMENT ON COLUMN ask.notice.notice IS 'The notice''s number in its city; none: a region told it';
COMMENT ON COLUMN ask.notice.told_at IS 'When it was told last, by the region''s clock';
COMMENT ON COLUMN ask.notice.city IS 'The city that was told';
COMMENT ON COLUMN ask.notice.why IS 'Why it was told: asked, neighbour or corridor';
COMMENT ON COLUMN ask.notice.reason IS 'Why the vehicle is wanted';
COMMENT ON COLUMN ask.notice.corridor IS 'The corridor, if it was told by one';
COMMENT ON COLUMN ask.notice.state IS 'open or over';
COMMENT ON COLUMN ask.notice.seen_city IS 'The city that saw it';
COMMENT ON COLUMN ask.notice.seen_point IS 'The street point that saw it, in that city';
COMMENT ON COLUMN ask.notice.seen_camera IS 'The camera that saw it, of that point';
COMMENT ON COLUMN ask.notice.captured_at IS 'When the frame was taken, by the box''s clock';
COMMENT ON COLUMN ask.notice.until_at IS 'Until when it holds';
COMMENT ON COLUMN ask.notice.has_plate IS 'Whether it has the plate with it';
COMMENT ON COLUMN ask.notice.hit IS 'The hit''s hash, hexadecimal';
