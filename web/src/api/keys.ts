/** Keys of the query cache; the first part is the noun. Lists of runs have their own so that a run's tick leaves them. */
export const keys = {
	status: () => ["status"] as const,
	me: () => ["me"] as const,
	overview: () => ["overview"] as const,
	agents: () => ["agents"] as const,
	agent: (id: string) => ["agents", id] as const,
	browse: (agent: string, path: string) => ["browse", agent, path] as const,
	vaults: () => ["vaults"] as const,
	vault: (id: string) => ["vaults", id] as const,
	jobs: () => ["jobs"] as const,
	job: (id: string) => ["jobs", id] as const,
	schedulePreview: (owner: object, schedule: object) => ["schedule-previews", owner, schedule] as const,
	retentionPreview: (owner: object, retention: object, days: number) =>
		["retention-previews", owner, retention, days] as const,
	runs: (filter: Readonly<Record<string, string | undefined>>) => ["runs-list", filter] as const,
	run: (id: string) => ["runs", id] as const,
	runEvents: (id: string) => ["runs", id, "events"] as const,
	runProblems: (id: string) => ["runs", id, "problems"] as const,
	points: (filter: Readonly<Record<string, string | undefined>>) => ["points", filter] as const,
	point: (id: string) => ["points", id] as const,
	content: (point: string, snapshot: string, path: string) => ["content", point, snapshot, path] as const,
	command: (id: string) => ["commands", id] as const,
};
