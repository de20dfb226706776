// A counter that drives four lamps through a small state machine.
module top(input clk, input button, output [3:0] lamps);
    reg [11:0] count = 0;
    reg [1:0] state = 0;
    reg [3:0] pattern;
    wire tick = &count[9:0];

    always @(posedge clk) begin
        count <= count + 1;
        if (tick)
            case (state)
                2'd0: state <= button ? 2'd2 : 2'd1;
                2'd1: state <= 2'd3;
                2'd2: state <= button ? 2'd2 : 2'd0;
                default: state <= 2'd0;
            endcase
    end
    always @* begin
        pattern = 4'b0001 << state;
        if (count[11]) pattern = ~pattern;
    end
    assign lamps = pattern ^ {4{button & count[10]}};
endmodule
