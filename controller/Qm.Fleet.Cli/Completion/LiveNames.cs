using System.CommandLine;

namespace Qm.Fleet.Cli.Completion;

/// <summary>Which arguments and options take names that only the server knows, so that a shell can be told them.</summary>
internal sealed class LiveNames
{
    private readonly Dictionary<Symbol, LiveName> _of = [];

    /// <summary>What a symbol takes; null when the server has nothing to say about it.</summary>
    internal LiveName? this[Symbol symbol] => _of.TryGetValue(symbol, out var name) ? name : null;

    internal T OfNodes<T>(T symbol)
        where T : Symbol => Note(symbol, LiveName.Nodes);

    internal T OfFleets<T>(T symbol)
        where T : Symbol => Note(symbol, LiveName.Fleets);

    /// <summary>Units of QM on the node that the argument before names.</summary>
    internal T OfUnits<T>(T symbol)
        where T : Symbol => Note(symbol, LiveName.Units);

    internal T OfContexts<T>(T symbol)
        where T : Symbol => Note(symbol, LiveName.Contexts);

    /// <summary>A field of a resource, such as fleet.spec.</summary>
    internal T OfFields<T>(T symbol)
        where T : Symbol => Note(symbol, LiveName.Fields);

    /// <summary>A kind, or KIND/NAME; and a name of that kind after it.</summary>
    internal void OfResources(Symbol kind, Symbol? name)
    {
        Note(kind, LiveName.Resources);
        if (name is not null)
        {
            Note(name, LiveName.NamesOfKind);
        }
    }

    private T Note<T>(T symbol, LiveName name)
        where T : Symbol
    {
        _of[symbol] = name;
        return symbol;
    }
}
