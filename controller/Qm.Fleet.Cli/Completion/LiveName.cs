namespace Qm.Fleet.Cli.Completion;

/// <summary>What an argument or option takes.</summary>
internal enum LiveName
{
    /// <summary>A node.</summary>
    Nodes,

    /// <summary>A fleet.</summary>
    Fleets,

    /// <summary>A unit of QM on the node before it.</summary>
    Units,

    /// <summary>A kind, or KIND/NAME.</summary>
    Resources,

    /// <summary>A name of the kind before it.</summary>
    NamesOfKind,

    /// <summary>A context of the configuration.</summary>
    Contexts,

    /// <summary>A resource's field.</summary>
    Fields,
}
