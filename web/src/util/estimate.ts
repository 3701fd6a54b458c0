/** One reading of a running run's figures. Times in ms, amounts in bytes since the run's start. */
export interface Sample {
	at: number;
	read: number;
	uploaded: number;
}

/** Seconds that are left, as a range. */
export interface Rest {
	low: number;
	high: number;
}

const window = 10 * 60_000;
const steadyAfter = 30_000;

/** Adds a sample; figures never fall, and at most a quarter of an hour of readings is kept. */
export function addSample(samples: readonly Sample[], next: Sample): Sample[] {
	const last = samples.at(-1);
	if (last !== undefined) {
		if (next.at - last.at < 250) return samples as Sample[];
		next = {
			at: next.at,
			read: Math.max(last.read, next.read),
			uploaded: Math.max(last.uploaded, next.uploaded),
		};
	}
	const from = next.at - 15 * 60_000;
	return [...samples.filter((sample) => sample.at >= from), next];
}

/** Speeds between neighbouring samples, in bytes a second. */
export function speeds(samples: readonly Sample[]): { at: number; read: number; uploaded: number }[] {
	const result: { at: number; read: number; uploaded: number }[] = [];
	for (let index = 1; index < samples.length; index += 1) {
		const before = samples[index - 1];
		const after = samples[index];
		if (before === undefined || after === undefined) continue;
		const seconds = (after.at - before.at) / 1000;
		if (seconds <= 0) continue;
		result.push({
			at: after.at,
			read: (after.read - before.read) / seconds,
			uploaded: (after.uploaded - before.uploaded) / seconds,
		});
	}
	return result;
}

function percentile(sorted: readonly number[], fraction: number): number {
	const position = (sorted.length - 1) * fraction;
	const lower = sorted[Math.floor(position)] ?? 0;
	const upper = sorted[Math.ceil(position)] ?? lower;
	return lower + (upper - lower) * (position - Math.floor(position));
}

/**
 * The rest from the 25th and 75th percentile of the last ten minutes' speed; `undefined` until there are 30 s of
 * steady data or while the total is unknown.
 */
export function restEstimate(samples: readonly Sample[], total: number | null | undefined): Rest | undefined {
	const last = samples.at(-1);
	if (last === undefined || total === null || total === undefined) return undefined;
	const recent = samples.filter((sample) => sample.at >= last.at - window);
	const first = recent[0];
	if (first === undefined || last.at - first.at < steadyAfter) return undefined;
	const rates = speeds(recent)
		.map((entry) => entry.read)
		.filter((rate) => rate > 0)
		.sort((a, b) => a - b);
	if (rates.length < 3) return undefined;
	const left = Math.max(0, total - last.read);
	const slow = percentile(rates, 0.25);
	const fast = percentile(rates, 0.75);
	return { low: left / fast, high: left / slow };
}

/** Rounds a rest to what may honestly be said: whole minutes under an hour, ten minutes above. */
export function roundRest(rest: Rest): { kind: "soon" } | { kind: "minutes"; low: number; high: number } {
	if (rest.high < 120) return { kind: "soon" };
	const step = rest.high < 3600 ? 60 : 600;
	const low = Math.max(1, Math.floor(rest.low / step) * (step / 60));
	const high = Math.max(low, Math.ceil(rest.high / step) * (step / 60));
	return { kind: "minutes", low, high };
}

/** Share of the read data that did not have to be sent, 0 to 100; `undefined` where it says nothing. */
export function savedPercent(read: number, uploaded: number): number | undefined {
	if (read <= 0) return undefined;
	const saved = 100 - (uploaded / read) * 100;
	return saved > 0.5 ? saved : undefined;
}
