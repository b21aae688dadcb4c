using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Security;

/// <summary>The command that makes certificates for nodes; needs the state folder's CA and not the daemon.</summary>
internal static class NodeCertificates
{
    /// <summary>Writes <c>OUT/NAME/{ca.crt,node.crt,node.key}</c> for each node.</summary>
    /// <returns>The exit code: 0, 1 when there is no CA, 2 for names that no node can have; then nothing was written.</returns>
    public static int Write(IReadOnlyList<string> names, string state, string folder, bool create, TimeProvider time, TextWriter errors)
    {
        var problems = names
            .SelectMany(static name => NodeParser.Parse(new NodeManifest { Name = name }).Problems.Select(problem => $"{name}: {problem.Message}"))
            .Concat(names.Where(static name => name is "." or "..").Select(static name => $"{name}: not a node's name"))
            .ToList();
        problems.ForEach(errors.WriteLine);
        if (problems.Count > 0)
        {
            return 2;
        }
        if (!create && !Pki.Exists(state))
        {
            errors.WriteLine($"{state} has no certificate authority yet. Start the controller once, or make one with --create.");
            return 1;
        }
        DurableFolder.Create(state);
        using var pki = Pki.Open(state, time);
        foreach (var name in names)
        {
            pki.IssueNode(name, Path.Combine(folder, name));
        }
        return 0;
    }
}
