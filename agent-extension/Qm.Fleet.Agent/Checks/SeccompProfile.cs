using System.Text.Json;

namespace Qm.Fleet.Agent.Checks;

/// <summary>What a seccomp profile of containers(5) allows of one system call; only its structure counts, since every distribution has its own.</summary>
internal static class SeccompProfile
{
    private const int OtherPolicy = 0;
    private const int BatchPolicy = 3;
    private const int IdlePolicy = 5;

    /// <summary>Why sched_setscheduler could give a real-time policy; empty when it cannot.</summary>
    /// <exception cref="JsonException">It is not a profile.</exception>
    public static IReadOnlyList<string> SetSchedulerGaps(string json) => Gaps(json, "sched_setscheduler", rule =>
        rule.TryGetProperty("args", out var arguments) && arguments.ValueKind == JsonValueKind.Array
        && arguments.EnumerateArray().Any(IsHarmlessPolicy));

    /// <summary>Why sched_setattr could be called; empty when it cannot.</summary>
    /// <exception cref="JsonException">It is not a profile.</exception>
    public static IReadOnlyList<string> SetAttributeGaps(string json) => Gaps(json, "sched_setattr", _ => false);

    private static List<string> Gaps(string json, string call, Func<JsonElement, bool> isHarmless)
    {
        using var document = JsonDocument.Parse(json);
        try
        {
            var profile = document.RootElement;
            var gaps = new List<string>();
            if (Permits(profile.GetProperty("defaultAction").GetString()))
            {
                gaps.Add($"{profile.GetProperty("defaultAction").GetString()} is the default action.");
            }

            gaps.AddRange(
                from rule in profile.GetProperty("syscalls").EnumerateArray()
                where Permits(rule.GetProperty("action").GetString()) && Names(rule).Contains(call, StringComparer.Ordinal) && !isHarmless(rule)
                select $"A rule with {rule.GetProperty("action").GetString()} names {call}.");
            return gaps;
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new JsonException(e.Message, e);
        }
    }

    private static bool Permits(string? action) => action is "SCMP_ACT_ALLOW" or "SCMP_ACT_LOG" or "SCMP_ACT_NOTIFY" or "SCMP_ACT_TRACE";

    private static IEnumerable<string?> Names(JsonElement rule) =>
        rule.TryGetProperty("names", out var names) ? names.EnumerateArray().Select(name => name.GetString())
        : rule.TryGetProperty("name", out var name) ? [name.GetString()] : [];

    private static bool IsHarmlessPolicy(JsonElement argument) =>
        argument.GetProperty("index").GetInt32() == 1 && argument.GetProperty("op").GetString() == "SCMP_CMP_EQ"
        && argument.GetProperty("value").GetInt64() is OtherPolicy or BatchPolicy or IdlePolicy;
}
