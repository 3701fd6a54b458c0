import { queryOptions } from "@tanstack/react-query";
import { answer, client, idempotencyKey, ifMatch } from "../client.ts";
import { keys } from "../keys.ts";
import type { Job, JobCreate, JobPatch, Retention, Schedule } from "../types.ts";
import { allPages } from "./pages.ts";

export const jobsQuery = queryOptions({
	queryKey: keys.jobs(),
	queryFn: ({ signal }) =>
		allPages((cursor) => answer(client.GET("/api/v1/jobs", { signal, params: { query: { limit: 200, ...cursor } } }))),
});

export const jobQuery = (id: string) =>
	queryOptions({
		queryKey: keys.job(id),
		queryFn: ({ signal }) => answer(client.GET("/api/v1/jobs/{id}", { signal, params: { path: { id } } })),
	});

/** Whose a schedule is: a job's, or one's that is to be made for a machine. */
export interface ScheduleOwner {
	job_id?: string;
	agent_id?: string;
}

/** The next runs that a schedule would start. */
export const schedulePreviewQuery = (schedule: Schedule, owner: ScheduleOwner) =>
	queryOptions({
		queryKey: keys.schedulePreview(owner, schedule),
		queryFn: ({ signal }) =>
			answer(
				client.POST("/api/v1/schedule-previews", {
					signal,
					body: { schedule, ...owner },
				}),
			),
		staleTime: 60_000,
	});

/** Whose a retention is: a job's, or one's that is to be made and runs by this schedule. */
export interface RetentionOwner {
	job_id?: string;
	schedule?: Schedule;
}

/** What a retention would keep so many days from now. */
export const retentionPreviewQuery = (retention: Retention, owner: RetentionOwner, days: number) =>
	queryOptions({
		queryKey: keys.retentionPreview(owner, retention, days),
		queryFn: ({ signal }) =>
			answer(client.POST("/api/v1/retention-previews", { signal, body: { retention, ...owner, days } })),
		staleTime: 60_000,
	});

export const createJob = (body: JobCreate) =>
	answer(client.POST("/api/v1/jobs", { headers: { "Idempotency-Key": idempotencyKey() }, body }));

/** Changes a job that still has this version; absent parts stay. */
export const changeJob = (id: string, version: number, body: JobPatch) =>
	answer(client.PATCH("/api/v1/jobs/{id}", { params: { path: { id }, header: ifMatch(version) }, body }));

export const deleteJob = (job: Job) =>
	answer(client.DELETE("/api/v1/jobs/{id}", { params: { path: { id: job.id }, header: ifMatch(job.version) } }));

export const startRun = (id: string) =>
	answer(
		client.POST("/api/v1/jobs/{id}/runs", {
			params: { path: { id } },
			headers: { "Idempotency-Key": idempotencyKey() },
			body: {},
		}),
	);
