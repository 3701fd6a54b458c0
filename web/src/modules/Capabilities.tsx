import { useTranslation } from "react-i18next";
import type { Agent } from "../api/types.ts";
import { Tag } from "../ui/Tag.tsx";
import css from "./capabilities.module.css";

const known = ["files", "restore", "browse", "directory_vault", "reads_everything"] as const;

/** What a machine can do; a missing ability says why. */
export function Capabilities({ agent }: { agent: Agent }) {
	const { t } = useTranslation();
	return (
		<span className={css["list"]}>
			{agent.capabilities.map((capability) => {
				const key = known.find((name) => name === capability.name);
				const name = key === undefined ? capability.name : t(`agents.capability.${key}`);
				return (
					<Tag key={capability.name} missing={!capability.available}>
						{capability.available || !capability.reason
							? name
							: t("agents.capabilityMissing", { name, reason: capability.reason })}
					</Tag>
				);
			})}
		</span>
	);
}
