import { ActionIcon, Button, type ButtonProps, Tooltip } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { keys } from "../api/keys.ts";
import { startRun } from "../api/queries/jobs.ts";
import type { Job } from "../api/types.ts";
import { useWording } from "../hooks/use-wording.ts";
import { Icon } from "../ui/Icon.tsx";
import { paths } from "../util/paths.ts";

/** Starts a run and goes to its live page. `compact` is the button of a list row. */
export function RunNow({
	job,
	compact = false,
	variant = "default",
}: {
	job: Pick<Job, "id" | "name" | "actions">;
	compact?: boolean;
	variant?: NonNullable<ButtonProps["variant"]>;
}) {
	const { t } = useTranslation();
	const words = useWording();
	const queries = useQueryClient();
	const navigate = useNavigate();
	const start = useMutation({
		mutationFn: () => startRun(job.id),
		onSuccess: async (run) => {
			queries.setQueryData(keys.run(run.id), run);
			void queries.invalidateQueries({ queryKey: keys.jobs() });
			await navigate(paths.run(run.id));
		},
	});
	const action = job.actions.find((entry) => entry.name === "run");
	if (action === undefined) return null;
	const problem = start.error === null ? (action.reason ?? undefined) : words(start.error).title;
	const label = compact ? t("jobs.runNamed", { name: job.name }) : t("jobs.runNow");
	const inert = { "data-disabled": true, "aria-disabled": true } as const;
	const press = () => {
		if (action.allowed) start.mutate();
	};
	return (
		<Tooltip
			label={problem ?? label}
			disabled={problem === undefined && !compact}
			events={{ hover: true, focus: true, touch: true }}
		>
			{compact ? (
				<ActionIcon
					variant="default"
					size={28}
					aria-label={problem === undefined ? label : `${label}: ${problem}`}
					loading={start.isPending}
					onClick={press}
					{...(action.allowed ? {} : inert)}
				>
					<Icon name="play" />
				</ActionIcon>
			) : (
				<Button
					variant={variant}
					leftSection={<Icon name="play" />}
					loading={start.isPending}
					onClick={press}
					{...(action.allowed ? {} : inert)}
				>
					{start.isPending ? t("jobs.starting") : label}
				</Button>
			)}
		</Tooltip>
	);
}
