import Encodings
import HTTPServer
import HTTPTypes
import Hummingbird
import SeededNumbers

/// The console's pages, compiled into the binary so that it runs wherever it is put.
enum ConsolePages {
    /// The document of every page: which one it shows is decided by the address, in the browser.
    static let shell = ReadyBody(asset: PackageResources.console_html, contentType: "text/html; charset=utf-8")

    /// Where visitors show their access key.
    static let signIn = ReadyBody(asset: PackageResources.sign_in_html, contentType: "text/html; charset=utf-8")

    /// Everything the document refers to, by file name.
    static let assets: [String: ReadyBody] = {
        let script = "text/javascript; charset=utf-8"
        let files: [(String, [UInt8], String)] = [
            ("console.css", PackageResources.console_css, "text/css; charset=utf-8"),
            ("runs.css", PackageResources.runs_css, "text/css; charset=utf-8"),
            ("run.css", PackageResources.run_css, "text/css; charset=utf-8"),
            ("comparison.js", PackageResources.comparison_js, script),
            ("console.js", PackageResources.console_js, script),
            ("dialogs.js", PackageResources.dialogs_js, script),
            ("format.js", PackageResources.format_js, script),
            ("graph.js", PackageResources.graph_js, script),
            ("graph-layout.js", PackageResources.graph_layout_js, script),
            ("history.js", PackageResources.history_js, script),
            ("json-view.js", PackageResources.json_view_js, script),
            ("live.js", PackageResources.live_js, script),
            ("machine-figures.js", PackageResources.machine_figures_js, script),
            ("machine-link.js", PackageResources.machine_link_js, script),
            ("machine-page.js", PackageResources.machine_page_js, script),
            ("machine-starters.js", PackageResources.machine_starters_js, script),
            ("machines.css", PackageResources.machines_css, "text/css; charset=utf-8"),
            ("machines-page.js", PackageResources.machines_page_js, script),
            ("markup.js", PackageResources.markup_js, script),
            ("refreshed-page.js", PackageResources.refreshed_page_js, script),
            ("run-page.js", PackageResources.run_page_js, script),
            ("run-row.js", PackageResources.run_row_js, script),
            ("run-usage.js", PackageResources.run_usage_js, script),
            ("runs-page.js", PackageResources.runs_page_js, script),
            ("schedule-dialogs.js", PackageResources.schedule_dialogs_js, script),
            ("schedules.css", PackageResources.schedules_css, "text/css; charset=utf-8"),
            ("schedules-page.js", PackageResources.schedules_page_js, script),
            ("session.js", PackageResources.session_js, script),
            ("sign-in.css", PackageResources.sign_in_css, "text/css; charset=utf-8"),
            ("sign-in.js", PackageResources.sign_in_js, script),
            ("starts-aside.js", PackageResources.starts_aside_js, script),
            ("state-panel.js", PackageResources.state_panel_js, script),
            ("status.js", PackageResources.status_js, script),
            ("timeline.js", PackageResources.timeline_js, script),
            ("triggers-page.js", PackageResources.triggers_page_js, script),
            ("triggers.css", PackageResources.triggers_css, "text/css; charset=utf-8"),
            ("workers-page.js", PackageResources.workers_page_js, script),
            ("icon.svg", PackageResources.icon_svg, "image/svg+xml"),
        ]
        return Dictionary(
            uniqueKeysWithValues: files.map { name, bytes, type in (name, ReadyBody(asset: bytes, contentType: type)) })
    }()

    /// Scripts, styles, fetches and event streams from this origin only, nothing inline, no plugin, no frame.
    static let headers: HTTPFields = [
        .contentSecurityPolicy:
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        // Unhashed names: browsers ask each time, and get 304.
        .cacheControl: "no-cache",
    ]
}

extension ReadyBody {
    fileprivate init(asset bytes: [UInt8], contentType: String) {
        // Tells one build's file from another's.
        self.init(
            bytes: bytes, contentType: contentType, entityTag: Hex.digits(FNV1a(bytes).value),
            headers: ConsolePages.headers)
    }
}

extension ServiceRouter {
    func addConsolePages() {
        get("/console") { request, _ in
            ConsolePages.shell.response(to: request)
        }
        // Hummingbird takes a path with and without its last slash for the same; relative references in the document
        // would not, so they are absolute.
        for path in [
            "/console/runs/{id}", "/console/machines", "/console/machines/{name}", "/console/workers",
            "/console/schedules", "/console/schedules/{name}", "/console/triggers", "/console/triggers/{name}",
        ] as [RouterPath] {
            get(path) { request, _ in ConsolePages.shell.response(to: request) }
        }
        get("/console/sign-in") { request, _ in ConsolePages.signIn.response(to: request) }
        get("/console/assets/{name}") { request, context in
            guard let asset = ConsolePages.assets[context.parameters.get("name") ?? ""] else {
                throw Problem.notFound("The console has no such file.")
            }
            return asset.response(to: request)
        }
    }
}
