public import AccessControl
public import HTTPTypes

/// What a route of the engine's server asks of its callers. Decided by the pattern that the router has matched, never by
/// the address as it was written: two spellings of one address are one route.
public enum RouteRule: Sendable, Hashable {
    /// Anybody: health, and what a browser needs to sign in.
    case open
    /// A page of the console: who is not signed in is led to where that is done.
    case page
    /// The wire API: the operation names the action.
    case wire
    /// An action; what changes something stands in the audit log before it does.
    case action(Action)
    /// The same, where the audit log tells what an upload has started, when it has.
    case upload
    /// A route that nobody has put into this table: for admins, and in the audit log, until somebody has.
    case unlisted

    /// - Parameter path: the route's pattern, such as `/uploads/{id}`.
    public static func of(_ method: HTTPRequest.Method, _ path: String) -> RouteRule {
        let isRead = method == .get || method == .head
        switch path {
        case "/": return .wire
        // A hook's requests prove themselves.
        case "/hooks/{name}": return .open
        case "/livez", "/readyz", "/metrics", "/console/assets/{name}", "/console/sign-in": return .open
        // Signing in and out proves or forgets a key by itself.
        case "/console/api/session": return isRead ? .action(.useConsole) : .open
        case "/console", "/console/runs/{id}", "/console/machines", "/console/machines/{name}", "/console/workers",
            "/console/schedules", "/console/schedules/{name}", "/console/triggers", "/console/triggers/{name}":
            return .page
        case "/console/api/runs/{id}/stop": return .action(.stopExecution)
        case "/console/api/runs/{id}/redrive": return .action(.redriveExecution)
        case "/console/api/runs/{id}/again", "/console/api/machines/{id}/start": return .action(.startExecution)
        case "/console/api/runs/{id}/release", "/console/api/runs/{id}/states/{entry}/release",
            "/console/api/runs/{id}/states/{entry}/fail", "/console/api/workers/{name}/mode":
            return .action(.operateDispatch)
        case "/console/api/starts-aside/{id}/release": return .action(.operateDispatch)
        case "/console/api/triggers/{name}/pause", "/console/api/triggers/{name}/resume":
            return .action(.operateTriggers)
        case "/console/api/runs/{id}/states/{entry}/approve", "/console/api/runs/{id}/states/{entry}/reject":
            return .action(.answerTask)
        case "/uploads", "/uploads/{id}": return method == .options ? .open : .upload
        case "/access/v1/audit": return .action(.readAudit)
        default: break
        }
        if path.hasPrefix("/worker/v1/") { return .action(.work) }
        if path.hasPrefix("/access/v1/keys") { return .action(.manageAccessKeys) }
        if path.hasPrefix("/access/v1/accounts") { return .action(.manageAccounts) }
        if path.hasPrefix("/console/api/connections") { return .action(.manageConnections) }
        if path.hasPrefix("/console/api/triggers"), !isRead { return .action(.manageConnections) }
        if path.hasPrefix("/console/api/schedules"), !isRead { return .action(.operateSchedules) }
        if isRead, path.hasPrefix("/console/api/") { return .action(.useConsole) }
        if isRead, path.hasPrefix("/console/") { return .page }
        return .unlisted
    }
}
