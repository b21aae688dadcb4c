namespace Qm.Fleet.Lab.Nodes;

/// <summary>Where a systemd finds its units, and what they run. Called under the node's gate.</summary>
internal interface IUnitSource
{
    /// <summary>Runs the generators and reads every unit.</summary>
    IReadOnlyList<LoadedUnit> Load();

    /// <summary>What a unit runs.</summary>
    IUnitBody Body(string unit);

    /// <summary>Writes a drop-in of <c>SetUnitProperties</c>.</summary>
    void WriteControl(string unit, bool runtime, string file, string assignment);
}
