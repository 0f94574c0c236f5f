-- Analysts' database roles: a group that may use the schema `ask`, and its members, each with his cities.

-- name: is_there
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1::name);

-- name: is_analyst
SELECT EXISTS (
    SELECT FROM pg_auth_members
    WHERE roleid = (SELECT oid FROM pg_roles WHERE rolname = $1::name)
      AND member = (SELECT oid FROM pg_roles WHERE rolname = $2::name));

-- name: unknown_cities
SELECT city FROM unnest($1::text[]) AS city WHERE city NOT IN (SELECT city_id FROM city) ORDER BY city;

-- name: may_read
INSERT INTO city_reader (role_name, city_id) SELECT $1::name, unnest($2::text[]);

-- name: forget
DELETE FROM city_reader WHERE role_name = $1::name;

-- name: list
SELECT member.rolname::text AS analyst, member.rolcanlogin AS can_login,
       (SELECT coalesce(array_agg(city_id::text ORDER BY city_id), '{}') FROM city_reader WHERE role_name = member.rolname)
       AS cities
FROM pg_auth_members
JOIN pg_roles AS analysts ON analysts.oid = roleid
JOIN pg_roles AS member ON member.oid = pg_auth_members.member
WHERE analysts.rolname = $1::name AND NOT member.rolsuper
  AND NOT pg_has_role(member.oid, (SELECT nspowner FROM pg_namespace WHERE nspname = 'ask'), 'USAGE')
ORDER BY 1;
