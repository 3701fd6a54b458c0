import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { jobQuery } from "../../api/queries/jobs.ts";
import type { Job } from "../../api/types.ts";
import { paths } from "../../util/paths.ts";
import { QueryView } from "../QueryView.tsx";
import { WizardSheet } from "../WizardSheet.tsx";

/** A wizard that begins with a job: until that is there the sheet waits, and says what went wrong. */
export function OfJob({ id, title, children }: { id: string; title: string; children: (job: Job) => ReactNode }) {
	const navigate = useNavigate();
	const query = useQuery(jobQuery(id));
	if (query.data !== undefined) return children(query.data);
	return (
		<WizardSheet title={title} steps={[]} current={0} primary={null} onClose={() => void navigate(paths.jobs())}>
			<QueryView query={query} rows={4}>
				{() => null}
			</QueryView>
		</WizardSheet>
	);
}
