import { useTranslation } from "react-i18next";
import type { Delivery } from "../api/types.ts";
import { Notice } from "../ui/Notice.tsx";

/** How a test message fared. */
export function DeliveryResult({ delivery }: { delivery: Delivery }) {
	const { t } = useTranslation();
	return (
		<div role="status">
			<Notice
				tone={delivery.ok ? "good" : "bad"}
				title={t(delivery.ok ? "notifications.testArrived" : "notifications.testFailed")}
			>
				{delivery.error ? <bdi>{delivery.error}</bdi> : t("notifications.testLook")}
			</Notice>
		</div>
	);
}
