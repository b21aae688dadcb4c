namespace Qm.Fleet.Lab.Nodes;

/// <summary>Where a systemd finds its units, and what they run. Called under the node's gate.</summary>
internal interface IUnitSource
{
    /// <summary>Runs the generators and reads every unit.</summary>
    IReadOnlyList<LoadedUnit> Load();

    /// <summary>What is started at boot.</summary>
    Installation Installation { get; }

    /// <summary>Writes the file of a unit that exists only until it ends, and reads it.</summary>
    LoadedUnit WriteTransient(string unit, string text);

    /// <summary>Removes that file.</summary>
    void RemoveTransient(string unit);

    /// <summary>What a unit runs.</summary>
    IUnitBody Body(string unit);

    /// <summary>Writes a drop-in of <c>SetUnitProperties</c>.</summary>
    void WriteControl(string unit, bool runtime, string file, string assignment);
}
