using System.Globalization;

namespace Qm.Fleet.Controller.Options;

/// <summary>A setting in force.</summary>
/// <param name="Name">As the command line or the environment names it.</param>
/// <param name="Value">As it is written there; "(secret)" for what nobody needs to see.</param>
/// <param name="Source">command line, environment or default.</param>
internal sealed record ControllerSetting(string Name, string Value, string Source);

/// <summary>The settings in force, each with where it comes from.</summary>
internal static class ControllerSettings
{
    private const string Secret = "(secret)";

    private static readonly string[] OfEnvironment = ["Logging:", "OTEL_"];
    private static readonly string[] Secrets = ["HEADERS", "KEY", "PASSWORD", "SECRET", "TOKEN"];

    /// <summary>What the command line can set.</summary>
    public static IEnumerable<ControllerSetting> Of(ControllerOptions options) =>
        from setting in ((string Name, string Value)[])
        [
            ("--state", options.State),
            ("--bus", options.Bus),
            ("--listen", options.Listen),
            ("--name", string.Join(',', options.Names)),
            ("--socket", options.Socket),
            ("--metrics", options.Metrics),
            ("--report-interval", Milliseconds(options.ReportInterval)),
            ("--usage-interval", Milliseconds(options.UsageInterval)),
            ("--link-confirm-within", Milliseconds(options.LinkConfirmWithin)),
            ("--certificate-life", Minutes(options.CertificateLife)),
            ("--authority-life", Minutes(options.AuthorityLife)),
            ("--authority-overlap", Minutes(options.AuthorityOverlap)),
            ("--auto-approve", AutoApprovals.Word(options.AutoApprove)),
            ("--oidc-issuer", options.Oidc.Issuer),
            ("--oidc-audience", options.Oidc.Audience),
            ("--oidc-name-claim", options.Oidc.NameClaim),
            ("--oidc-role", string.Join(',', options.Oidc.Roles)),
            ("--oidc-clock-skew", options.Oidc.ClockSkew.TotalSeconds.ToString(CultureInfo.InvariantCulture)),
            ("--oidc-algorithm", string.Join(',', options.Oidc.Accepted)),
            ("--artifact-space", (options.ArtifactSpaceBytes >> 20).ToString(CultureInfo.InvariantCulture)),
            ("--require-peer-match", options.RequirePeerMatch ? "true" : "false"),
            .. LimitOption.All.Select(limit => (limit.Name, limit.Get(options.Limits).ToString(CultureInfo.InvariantCulture))),
        ]
        select new ControllerSetting(setting.Name, setting.Value, options.Given.Contains(setting.Name) ? "command line" : "default");

    /// <summary>What is set in the environment of logging and telemetry; what is not has the defaults of these.</summary>
    public static IEnumerable<ControllerSetting> Of(IConfiguration environment) =>
        from entry in environment.AsEnumerable()
        where entry.Value is not null && OfEnvironment.Any(prefix => entry.Key.StartsWith(prefix, StringComparison.Ordinal))
        select new ControllerSetting(entry.Key.Replace(":", "__", StringComparison.Ordinal), IsSecret(entry.Key, entry.Value) ? Secret : entry.Value, "environment");

    // Headers authenticate at a collector, and an address may hold a password.
    private static bool IsSecret(string name, string value) =>
        Secrets.Any(part => name.Contains(part, StringComparison.OrdinalIgnoreCase)) || (Uri.TryCreate(value, UriKind.Absolute, out var address) && address.UserInfo.Length > 0);

    private static string Minutes(TimeSpan span) => span.TotalMinutes.ToString(CultureInfo.InvariantCulture);

    private static string Milliseconds(TimeSpan span) => span.TotalMilliseconds.ToString(CultureInfo.InvariantCulture);
}
