using System.Runtime.CompilerServices;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <summary>A case of the conformance suite; one that asks of a site what it cannot do is skipped with that reason.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class CaseAttribute : FactAttribute
{
    public CaseAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => SkipExceptions = [typeof(SiteLacksException)];
}
