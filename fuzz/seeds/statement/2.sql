WITH gone AS (DELETE FROM public.profiles WHERE user_id = ANY($1) RETURNING *) SELECT count(*) FROM gone; COPY public.profiles TO STDOUT
