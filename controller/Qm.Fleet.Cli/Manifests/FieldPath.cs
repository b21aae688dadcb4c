namespace Qm.Fleet.Cli.Manifests;

/// <summary>Paths as the server writes them: spec.environment.oom.asil[brake.service], workloads[0].name.</summary>
internal static class FieldPath
{
    /// <summary>A field of a message.</summary>
    internal static string Of(string parent, string field) => parent.Length == 0 ? field : $"{parent}.{field}";

    /// <summary>An entry of a map.</summary>
    internal static string Entry(string map, string key) => $"{map}[{key}]";
}
